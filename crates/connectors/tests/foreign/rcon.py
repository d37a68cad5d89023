"""A client of Minecraft's remote console. Prints one JSON line: whether the password was taken, and what was answered.

    rcon.py PORT PASSWORD COMMAND…
"""
import json, sys
from mctools import RCONClient

port, password, *commands = sys.argv[1:]
client = RCONClient("127.0.0.1", port=int(port), timeout=20)
client.formatters.clear()
taken = client.login(password)
answers = [client.command(command) for command in commands] if taken else []
client.stop()
print(json.dumps({"taken": taken, "answers": answers}))
