package peers;

import java.util.Collections;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;

/** The official push consumer over gRPC: {@code GrpcPush ENDPOINT TOPIC GROUP [FILE]}. */
public final class GrpcPush {
    private GrpcPush() {
    }

    public static void main(String[] arguments) throws Exception {
        Handled handled = new Handled(arguments.length > 3 ? arguments[3] : null);
        ClientConfiguration configuration =
            ClientConfiguration.newBuilder().setEndpoints(arguments[0]).enableSsl(false).build();
        try (PushConsumer consumer = ClientServiceProvider.loadService().newPushConsumerBuilder()
            .setClientConfiguration(configuration)
            .setConsumerGroup(arguments[2])
            .setSubscriptionExpressions(Collections.singletonMap(arguments[1], FilterExpression.SUB_ALL))
            .setMessageListener(message -> {
                handled.add(message.getBody());
                return ConsumeResult.SUCCESS;
            }).build()) {
            handled.print();
        }
    }
}
