package peers;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.concurrent.atomic.LongAdder;

/** What the handler does with a message: it is counted and, if a file is given, noted there with its times. */
final class Handled {
    private static final long PRINT_MS = 100;

    private final LongAdder count = new LongAdder();
    private final DataOutputStream file;

    /** {@code path} may be null. A record: the message's number, when it was sent, when it came; ns since 1970. */
    Handled(String path) throws IOException {
        file = path == null ? null : new DataOutputStream(new BufferedOutputStream(new FileOutputStream(path)));
    }

    void add(ByteBuffer body) {
        if (file != null) {
            note(body);
        }
        count.increment();
    }

    /** Prints the count until standard input ends, which is when the benchmark has seen enough. */
    void print() throws IOException, InterruptedException {
        while (System.in.available() == 0) {
            System.out.println("handled " + count.sum());
            Thread.sleep(PRINT_MS);
        }
        if (file != null) {
            synchronized (file) {
                file.close();
            }
        }
    }

    private void note(ByteBuffer body) {
        Instant now = Instant.now();
        synchronized (file) {
            try {
                file.writeLong(body.getLong(body.position()));
                file.writeLong(body.getLong(body.position() + Long.BYTES));
                file.writeLong(now.getEpochSecond() * 1_000_000_000 + now.getNano());
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }
    }
}
