# Puts keys into the authorized_keys of the user $1. On the standard input: lines that go, an empty line, and the lines
# of our block. All other lines stay as they are.
umask 077
if [ "$1" = "$(id -un)" ] && [ -n "${HOME:-}" ]; then
    home=$HOME
else
    home=$(awk -F: -v user="$1" '$1 == user { print $6 }' /etc/passwd)
fi
[ -n "$home" ] && [ -d "$home" ] || exit 80
made=
[ -d "$home/.ssh" ] || { mkdir "$home/.ssh" && made=yes; } || exit 81
file="$home/.ssh/authorized_keys"
[ -f "$file" ] || : >"$file" || exit 81
new="$file.innkeeper-$$"
awk '
    FNR == NR && !block && $0 == "" { block = 1; next }
    FNR == NR && !block { gone[$0] = 1; next }
    FNR == NR { ours[++count] = $0; next }
    $0 == "# --- keys set through Innkeeper: begin ---" { inside = 1; next }
    $0 == "# --- keys set through Innkeeper: end ---" { inside = 0; next }
    inside || ($0 in gone) { next }
    { print }
    END {
        if (count) {
            print "# --- keys set through Innkeeper: begin ---"
            for (n = 1; n <= count; n++) print ours[n]
            print "# --- keys set through Innkeeper: end ---"
        }
    }
' - "$file" >"$new" || { rm -f "$new"; exit 82; }
# The same owner, mode and file as before, so that nothing else about it changes.
cat "$new" >"$file" || { rm -f "$new"; exit 83; }
rm -f "$new"
if [ "$1" != "$(id -un)" ]; then
    [ -z "$made" ] || chown "$1" "$home/.ssh"
    chown "$1" "$file"
fi
exit 0
