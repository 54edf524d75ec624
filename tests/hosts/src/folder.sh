# Waits until its standard input ends, then ends the PostgreSQL server in the folder $1 and removes the folder.
trap '' HUP INT TERM
cat >/dev/null

status="$1/data/postmaster.pid"
runs() {
    server=$(head -n 1 "$status" 2>/dev/null) && [ -n "$server" ] &&
        [ "$(readlink "/proc/$server/cwd")" = "$1/data" ]
}

if runs "$1"; then
    all="$server $(cat "/proc/$server/task/$server/children")"
    # Immediate shutdown, which leaves no shared memory behind as killing does. It may have been paused.
    kill -s QUIT "$server"
    # shellcheck disable=SC2086
    kill -s CONT $all
    glances=0
    while runs "$1"; do
        glances=$((glances + 1))
        # shellcheck disable=SC2086
        [ "$glances" -lt 200 ] || kill -s KILL $all
        sleep 0.05
    done
fi
# One that was killed left the file, which says which shared memory it had: a key and a number.
memory=$(sed -n '7s/^ *[0-9]*  *\([0-9]*\) *$/\1/p' "$status") && [ -n "$memory" ] && ipcrm --shmem-id "$memory"
rm -rf "$1"
