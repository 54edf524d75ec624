# Waits until its standard input ends, then ends all processes in the network namespaces $@ and removes these.
trap '' HUP INT TERM
cat >/dev/null

# A test's own thread may have entered one.
processes() {
    for namespace; do
        ip netns pids "$namespace"
    done | grep -vx "$PPID"
}

# Immediate shutdown for PostgreSQL, which leaves no shared memory behind then. They may have been paused.
for process in $(processes "$@"); do
    kill -s QUIT "$process"
    kill -s CONT "$process"
done
glances=0
while [ -n "$(processes "$@")" ]; do
    glances=$((glances + 1))
    if [ "$glances" -ge 100 ]; then
        for process in $(processes "$@"); do
            kill -s KILL "$process"
        done
    fi
    sleep 0.05
done
for namespace; do
    ip netns del "$namespace"
done
