"""The card of a machine that sleeps: it has an address of hardware and none of IP. Prints each magic packet that reaches it
as the bytes of its whole frame, in hexadecimal, and gets its IP address by the first one that wakes it.

    nic.py INTERFACE MAC ADDRESS/BITS [SECURE_ON]
"""
import socket, subprocess, sys

interface, mac, address, *password = sys.argv[1:]
wakes = b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) * 16
password = bytes.fromhex(password[0].replace(":", "")) if password else b""
everything = 3
card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(everything))
card.bind((interface, 0))
print("asleep", flush=True)
while True:
    frame = card.recv(65536)
    at = frame.find(b"\xff" * 6, 12)
    if at < 0 or frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
        continue
    print(frame.hex(), flush=True)
    if frame[at:].startswith(wakes) and frame[at + len(wakes):] == password:
        subprocess.run(["ip", "addr", "replace", address, "dev", interface], check=True)
        print("awake", flush=True)
