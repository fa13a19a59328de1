#!/usr/bin/env bash
# Runs a real RocketMQ, a namesrv and a LOCAL proxy with its broker inside, on loopback under a directory of its own.
#
#   broker.sh start DIR            fetch the jars if they are not cached, start both, print READY
#   broker.sh stop DIR             stop both cleanly and wait until they are gone: some 8 s
#   broker.sh kill DIR             SIGKILL both; for a store that nobody needs any more
#   broker.sh status DIR           one line a process; exit 1 unless both run
#   broker.sh start-proxy DIR      for outages: only the proxy (with the broker); same ports, same store
#   broker.sh stop-proxy DIR
#   broker.sh kill-proxy DIR       SIGKILL; what was popped in the last second may be delivered again
#   broker.sh admin DIR ARGS...    mqadmin, such as: updateTopic -c DefaultCluster -t T -r 8 -w 8 -a +message.type=FIFO
#
# Environment of `start`; DIR remembers it for the other commands:
#   RMQ_JARS            where the jars are cached      (.rocketmq/lib-VERSION beside this repository's Makefile)
#   RMQ_GRPC_PORT       8081                           RMQ_NAMESRV_PORT   9876
#   RMQ_REMOTING_PORT   8080                           RMQ_METRICS_PORT   5557, Prometheus
#   RMQ_BROKER_PORT     10911, and also this -2 and +1
#   RMQ_DRAIN_S         2: how long a proxy that is asked to stop lets streams run on (RocketMQ's default is 30)
#   RMQ_JAVA_OPTS       more options for the proxy's JVM, such as -XX:TieredStopAtLevel=1 to start with less CPU
#   RMQ_OWNER_PID       when this process is gone, everything is stopped
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(sed -n 's:.*<rocketmq.version>\(.*\)</rocketmq.version>.*:\1:p' "$here/pom.xml")
#: Seconds that a process may take to start, and to end after SIGTERM beyond its drain time; then SIGKILL.
boot_s=180
end_s=20

fail() {
  echo "$*" >&2
  exit 1
}

# Every process of ours carries its directory and name in its command line; a recycled pid does not.
pid_of() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF -- "-Dsylph.broker=$dir:$1 " && echo "$pid"
}

require() {
  command -v "$1" > /dev/null || fail "$1 is not installed: a real RocketMQ needs Java 11 or newer, and Maven"
}

fetch_jars() {
  [ -d "$RMQ_JARS" ] && return
  require mvn
  mkdir -p "$(dirname "$RMQ_JARS")"
  exec 9> "$RMQ_JARS.lock"
  flock 9
  if [ ! -d "$RMQ_JARS" ]; then
    local fresh
    fresh=$(mktemp -d "$RMQ_JARS.XXXX")
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >&2
    mv "$fresh" "$RMQ_JARS"
  fi
  exec 9>&-
}

# The timer wheel, 39 MB, is compared byte by byte with its file at each flush: once a second, as is usual, that takes 15 % of
# a core, also of a broker that does nothing.
write_settings() {
  mkdir -p "$dir/home/conf" "$dir/store"
  declare -p RMQ_JARS RMQ_GRPC_PORT RMQ_NAMESRV_PORT RMQ_REMOTING_PORT RMQ_METRICS_PORT RMQ_BROKER_PORT RMQ_DRAIN_S \
    RMQ_JAVA_OPTS | sed 's/^declare -[-x]* //' > "$dir/settings"
  echo "listenPort=$RMQ_NAMESRV_PORT" > "$dir/home/conf/namesrv.conf"
  cat > "$dir/home/conf/broker.conf" << CONF
brokerClusterName=DefaultCluster
brokerName=broker-a
brokerId=0
brokerRole=ASYNC_MASTER
flushDiskType=ASYNC_FLUSH
brokerIP1=127.0.0.1
listenPort=$RMQ_BROKER_PORT
namesrvAddr=127.0.0.1:$RMQ_NAMESRV_PORT
storePathRootDir=$dir/store
storePathCommitLog=$dir/store/commitlog
mappedFileSizeCommitLog=67108864
mappedFileSizeConsumeQueue=600000
diskMaxUsedSpaceRatio=95
autoCreateTopicEnable=false
flushConsumerOffsetInterval=1000
metricsExporterType=PROM
metricsPromExporterHost=127.0.0.1
metricsPromExporterPort=$RMQ_METRICS_PORT
CONF
  cat > "$dir/home/conf/rmq-proxy.json" << CONF
{"rocketMQClusterName": "DefaultCluster", "proxyMode": "LOCAL", "localServeAddr": "127.0.0.1",
 "namesrvAddr": "127.0.0.1:$RMQ_NAMESRV_PORT", "grpcServerPort": $RMQ_GRPC_PORT,
 "remotingListenPort": $RMQ_REMOTING_PORT, "grpcShutdownTimeSeconds": $RMQ_DRAIN_S}
CONF
}

read_settings() {
  [ -f "$dir/settings" ] || fail "no RocketMQ was started in $dir"
  # shellcheck disable=SC1091
  source "$dir/settings"
}

# Sets `java` to the command that runs a main class of RocketMQ under NAME.
java_as() {
  java=(env "ROCKETMQ_HOME=$dir/home" java "-Dsylph.broker=$dir:$1" "-Duser.home=$dir"
    --add-exports java.base/sun.nio.ch=ALL-UNNAMED --add-opens java.base/java.nio=ALL-UNNAMED
    --add-opens java.base/jdk.internal.ref=ALL-UNNAMED --add-opens java.base/java.util=ALL-UNNAMED
    --add-opens java.base/java.lang=ALL-UNNAMED -cp "$dir/home/conf:$RMQ_JARS/*")
}

# launch NAME TEXT_IN_ITS_LOG ARGUMENTS...
launch() {
  local name=$1 text=$2
  shift 2
  if pid_of "$name" > /dev/null; then return; fi
  java_as "$name"
  : > "$dir/$name.log"
  # A session of its own: a Ctrl-C in the terminal is not for the broker.
  setsid "${java[@]}" "$@" < /dev/null > "$dir/$name.log" 2>&1 &
  local pid=$! waited
  echo "$pid" > "$dir/$name.pid"
  for ((waited = 0; waited < boot_s * 5; waited++)); do
    if grep -q "$text" "$dir/$name.log"; then return; fi
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.2
  done
  tail -n 20 "$dir/$name.log" >&2
  end KILL proxy namesrv
  fail "the $name did not start; see $dir/$name.log and $dir/logs"
}

start_namesrv() {
  launch namesrv "boot success" -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    org.apache.rocketmq.namesrv.NamesrvStartup -c "$dir/home/conf/namesrv.conf"
}

start_proxy() {
  # shellcheck disable=SC2086  # the options are several words
  launch proxy "startup successfully" -Xms512m -Xmx1g -XX:MaxDirectMemorySize=1g ${RMQ_JAVA_OPTS:-} \
    org.apache.rocketmq.proxy.ProxyStartup -pm local -n "127.0.0.1:$RMQ_NAMESRV_PORT" \
    -bc "$dir/home/conf/broker.conf" -pc "$dir/home/conf/rmq-proxy.json"
}

# end SIGNAL NAME...: all at once, then wait for each.
end() {
  local signal=$1 name pid waited
  shift
  for name in "$@"; do
    if pid=$(pid_of "$name"); then kill "-$signal" "$pid" 2> /dev/null || true; fi
  done
  for name in "$@"; do
    for ((waited = 0; waited < (RMQ_DRAIN_S + end_s) * 5; waited++)); do
      pid=$(pid_of "$name") || break
      sleep 0.2
    done
    if pid=$(pid_of "$name"); then kill -KILL "$pid" 2> /dev/null || true; fi
    rm -f "$dir/$name.pid"
  done
}

watch_owner() {
  while kill -0 "$1" 2> /dev/null && pid_of namesrv > /dev/null; do sleep 0.5; done
  end KILL proxy namesrv
}

status() {
  local name pid code=0
  for name in namesrv proxy; do
    if pid=$(pid_of "$name"); then echo "$name runs, pid $pid"; else echo "$name does not run"; code=1; fi
  done
  return "$code"
}

[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 64; }
command=$1
dir=$(mkdir -p "$2" && cd "$2" && pwd)
shift 2

case $command in
  start)
    : "${RMQ_JARS:=$here/../../.rocketmq/lib-$version}"
    : "${RMQ_GRPC_PORT:=8081}" "${RMQ_NAMESRV_PORT:=9876}" "${RMQ_REMOTING_PORT:=8080}" "${RMQ_METRICS_PORT:=5557}"
    : "${RMQ_BROKER_PORT:=10911}" "${RMQ_DRAIN_S:=2}" "${RMQ_JAVA_OPTS:=}"
    require java
    fetch_jars
    RMQ_JARS=$(cd "$RMQ_JARS" && pwd)
    write_settings
    trap 'end KILL proxy namesrv; exit 1' HUP INT TERM
    start_namesrv
    start_proxy
    if [ -n "${RMQ_OWNER_PID:-}" ]; then watch_owner "$RMQ_OWNER_PID" < /dev/null > /dev/null 2>&1 & fi
    echo "READY 127.0.0.1:$RMQ_GRPC_PORT (namesrv 127.0.0.1:$RMQ_NAMESRV_PORT)"
    ;;
  stop) read_settings && end TERM proxy namesrv ;;
  kill) read_settings && end KILL proxy namesrv ;;
  status) read_settings && status ;;
  start-proxy) read_settings && start_proxy ;;
  stop-proxy) read_settings && end TERM proxy ;;
  kill-proxy) read_settings && end KILL proxy ;;
  admin)
    read_settings
    java_as admin
    exec "${java[@]}" -Xms32m -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
      org.apache.rocketmq.tools.command.MQAdminStartup "$@" -n "127.0.0.1:$RMQ_NAMESRV_PORT"
    ;;
  *) fail "no such command: $command" ;;
esac; exit  # on the same line: the file may be replaced while this waits
