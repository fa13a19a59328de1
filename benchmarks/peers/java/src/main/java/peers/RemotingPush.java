package peers;

import java.nio.ByteBuffer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/** The 4.x push consumer, straight to the broker over remoting: {@code RemotingPush NAMESRV TOPIC GROUP [FILE]}. */
public final class RemotingPush {
    private RemotingPush() {
    }

    public static void main(String[] arguments) throws Exception {
        Handled handled = new Handled(arguments.length > 3 ? arguments[3] : null);
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(arguments[2]);
        consumer.setNamesrvAddr(arguments[0]);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(arguments[1], "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                handled.add(ByteBuffer.wrap(message.getBody()));
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        handled.print();
        consumer.shutdown();
    }
}
