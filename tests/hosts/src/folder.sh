# Waits until its standard input ends, then ends the PostgreSQL server in the folder $1 and removes the folder.
trap '' HUP INT TERM
cat >/dev/null

server() {
    server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && [ -n "$server" ] &&
        [ "$(readlink "/proc/$server/cwd")" = "$1/data" ]
}

if server "$1"; then
    all="$server $(cat "/proc/$server/task/$server/children")"
    # Immediate shutdown, which leaves no shared memory behind as killing does. It may have been paused.
    kill -s QUIT "$server"
    # shellcheck disable=SC2086
    kill -s CONT $all
    glances=0
    while server "$1"; do
        glances=$((glances + 1))
        # shellcheck disable=SC2086
        [ "$glances" -lt 200 ] || kill -s KILL $all
        sleep 0.05
    done
fi
rm -rf "$1"
