#!/bin/sh
# A stand-in for podman, docker, systemctl and loginctl, for what cannot run in a test: it writes down what it is told, and where
# they would start a container or a unit it starts the gateway itself, outside of any container.
PATH=/usr/bin:/bin
me=${0##*/}
echo "$me $*" >> "$FAKE/said"
if [ -e "$FAKE/fails" ]; then cat "$FAKE/fails" >&2; exit 125; fi
up() {
  cp "$FAKE/made.json" "$FAKE/container.json"
  if [ -e "$FAKE/dies" ]; then
    sed 's/running/exited/; s/"ExitCode": 0/"ExitCode": 78/' "$FAKE/made.json" > "$FAKE/container.json"
    return
  fi
  "$GATEWAY" serve > /dev/null 2>&1 &
  echo $! > "$FAKE/pid"
}
down() {
  if [ -e "$FAKE/pid" ]; then kill "$(cat "$FAKE/pid")"; fi
  sed 's/running/exited/' "$FAKE/made.json" > "$FAKE/container.json"
  rm -f "$FAKE/pid"
}
case "$me" in
  podman | docker)
    case "$1 $2" in
      "--version "*) echo "$me version $(cat "$FAKE/version")" ;;
      "container inspect")
        cat "$FAKE/container.json" 2> /dev/null || { echo "Error: no such container openai-proxy" >&2; exit 125; } ;;
      "image inspect") [ -e "$FAKE/image" ] || { echo "Error: $3: image not known" >&2; exit 125; } ;;
      "logs "*) cat "$FAKE/dies" >&2 ;;
      "run "* | "start "*) up ;;
      "stop "*) down ;;
      "rm "*) rm -f "$FAKE/container.json" ;;
    esac ;;
  systemctl)
    case " $* " in
      *" start "* | *" enable "*) up ;;
      *" stop "* | *" disable "*) down; rm -f "$FAKE/container.json" ;;
    esac ;;
  loginctl) echo Linger=no ;;
esac
