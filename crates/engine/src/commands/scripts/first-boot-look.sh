# Tells how the script $1 stands, and the end of what it said.
mine="${HOME:-/root}/.innkeeper/$1"
if [ ! -d "$mine" ]; then
    echo absent
    exit 0
fi
ended() {
    [ -f "$mine/exit" ] && echo "ended $(cat "$mine/exit")"
}
runs() {
    process=$(cat "$mine/process" 2>/dev/null) && kill -0 "$process" 2>/dev/null
}
# Between its last breath and its last word it has neither.
ended || { runs && echo running; } || ended || {
    # It may be about to begin.
    if [ ! -f "$mine/process" ] && [ -z "$(find "$mine" -prune -mmin +2)" ]; then echo running; else echo cut-off; fi
}
tail -c 8192 "$mine/log" 2>/dev/null
exit 0
