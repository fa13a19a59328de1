"""What the embedded broker speaks: RocketMQ's gRPC service in front of the store."""
