"""What the embedded broker keeps and decides, without a network: values and times in, values out."""
