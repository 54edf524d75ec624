"""Takes the packets that are routed to a device, and sends each on after a while: `delay.py DEVICE SECONDS`."""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_WITHOUT_HEADER = 0x1001
# What a router's queue would lose, too.
LONGEST_QUEUE = 10_000

device, delay = sys.argv[1], float(sys.argv[2])
tunnel = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN_WITHOUT_HEADER))

# It sends packets from this host's own address back into the host, to be sent on.
for setting in (f"conf/{device}/accept_local", "conf/all/accept_local", "ip_forward"):
    with open(f"/proc/sys/net/ipv4/{setting}", "w") as file:
        file.write("1")
for interface in (device, "all"):
    with open(f"/proc/sys/net/ipv4/conf/{interface}/rp_filter", "w") as file:
        file.write("0")
print("ready", flush=True)

queue = collections.deque()
while True:
    timeout = max(0, queue[0][0] - time.monotonic()) if queue else None
    if select.select([tunnel], [], [], timeout)[0]:
        packet = os.read(tunnel, 65536)
        if len(queue) < LONGEST_QUEUE:
            queue.append((time.monotonic() + delay, packet))
    while queue and queue[0][0] <= time.monotonic():
        try:
            os.write(tunnel, queue.popleft()[1])
        except OSError:
            # The device is not up yet: this packet is lost.
            pass
