#!/usr/bin/env python3
"""Writes fixtures/messages.jsonl: the messages of the recorded run, the same bytes every time (see README.md)."""
import base64
import json
import os
import random
import struct
import uuid

BASE = 1_736_942_400_000  # 2025-01-15 12:00:00 UTC
MINUTE = 60_000
dice = random.Random(2)
lines = []


def integer(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def string(value):
    data = value.encode()
    return integer(len(data)) + data


def optional(value):
    return integer(0) if value is None else integer(1) + string(value)


def event(ts, region="r", status="success", seconds=100, speed=30.0, code=None, content="c1", title="One", size=100, device="d1", os="1", id=None, message=None):
    id = id or str(uuid.UUID(int=dice.getrandbits(128), version=4))
    body = string(id) + integer(ts) + string("u")
    body += string(content) + string(title) + string("movie") + string("x") + integer(size) + struct.pack("<f", 9.99)
    body += string(status) + integer(seconds) + struct.pack("<f", speed) + optional(code) + optional(message)
    body += string(region) + string("c") + string(device) + string(os) + string("5g")
    return ts, region, body


def send(phase, partition, e):
    lines.append(json.dumps({"phase": phase, "partition": partition, "key": e[1], "value": base64.b64encode(e[2]).decode()}, ensure_ascii=False))


def minute(n, ms=None):
    return BASE + n * MINUTE + (dice.randrange(MINUTE) if ms is None else ms)


# Phase 1: three partitions, up to 4 s out of order; the fourth stays empty.
cases = []


def many(n, at, region, **fields):
    cases.extend(event(minute(at), region, **fields) for _ in range(n))


# an ordinary stream
for _ in range(500):
    roll = dice.randrange(100)
    place = dice.choice(["US-California", "US-Texas", "EU-London", "ASIA-Tokyo"])
    content, title, size = dice.choice([("mov_a", "Avengers 2", 4200), ("mov_b", "Batman", 3800), ("mov_c", "Barbie 2", 2900)])
    device, os_version = dice.choice([("iPhone 15 Pro", "iOS 18.1"), ("iPhone 15 Pro", "iOS 18.2"), ("Apple TV 4K", "tvOS 18.0")])
    same = {"content": content, "title": title, "size": size, "device": device, "os": os_version}
    at = minute(dice.randrange(4))
    if roll < 88:
        cases.append(event(at, place, seconds=dice.randint(60, 180), speed=dice.randint(250, 500) / 10, **same))
    elif roll < 96:
        code = dice.choice(["cdn_timeout", "network_error", "auth_failed", "disk_full"])
        cases.append(event(at, place, "failed", dice.randint(10, 60), dice.randint(10, 50) / 10, code, message="text", **same))
    else:
        cases.append(event(at, place, "cancelled", 5, 0.0, **same))

# conditions: 0.80, 0.90, the smallest number of downloads
many(4, 0, "rate 0.80"), many(1, 0, "rate 0.80", status="failed")
many(9, 0, "rate 0.90"), many(1, 0, "rate 0.90", status="failed")
many(3, 0, "rate 0.60"), many(2, 0, "rate 0.60", status="failed")
many(4, 0, "only four", status="failed", code="cdn_timeout")
# 1808 of 2009: below 0.90, rounded 0.9000
many(1808, 1, "rate 0.89995"), many(201, 1, "rate 0.89995", status="cancelled")
# a CDN timeout counts whatever the status
many(9, 0, "cdn 0.10"), many(1, 0, "cdn 0.10", code="cdn_timeout")
many(10, 0, "cdn 0.0909"), many(1, 0, "cdn 0.0909", code="cdn_timeout")
many(5, 0, "cdn all", status="failed", code="cdn_timeout")
# speeds: 10.0 is not slow, 9.996 is and is stored as 10.00
many(5, 0, "speed 10", speed=10.0)
many(5, 0, "speed 9.996", speed=9.996)
many(5, 0, "speed 9", speed=9.0)
# nothing qualifies: NULL
many(2, 0, "no speed", speed=0.0), many(2, 0, "no speed", speed=-1.0), many(1, 0, "no speed", speed=float("nan"))
many(5, 0, "no success", status="cancelled")
# other statuses count in the total only
for status in ("paused", "", "SUCCESS", "Failed", "success"):
    many(1, 0, "other status", status=status)
# halves: 1/32, 81/8, 801/8, 128/1024, -128/1024
many(1, 2, "half", size=4, content="half"), many(31, 2, "half", status="failed", size=4, content="half")
many(7, 2, "half up", speed=10.0, seconds=100, size=0), many(1, 2, "half up", speed=11.0, seconds=101, size=-128)
# sums beyond 32 bits, and beyond numeric(10, 2)
many(3, 2, "large", size=2_147_483_647, content="large", device="large")
many(60, 3, "too large", size=2_147_483_647, content="too large", device="too large")
# the greatest title, by bytes; names that need escaping
for title in ("apple", "Zebra", "\u00c9clair", "Banana"):
    many(1, 2, "\u00cele-de-France", title=title, content="titles", device="t\u00e9l\u00e9 \U0001f4fa")
many(2, 2, "O'Brien \\ \"x\",\ty", content="a,b'c\nd", device="back\\slash", os="")
# the edges of a window
for at in (0, MINUTE - 1, MINUTE):
    cases.append(event(minute(2, at), "edge"))
# out of order by up to 4 s
cases.sort(key=lambda e: e[0] + dice.randrange(4000))
send(1, 0, event(-1, "before 1970", status="failed"))
send(1, 0, event(0, "before 1970"))
for i, e in enumerate(cases):
    send(1, dice.randrange(3), e)
# the same event_id again: counted again; the last that is logged stays
send(1, 1, event(minute(3, 100), "twice", "failed", id="twice-1", code="disk_full"))
send(1, 1, event(minute(3, 200), "twice", "cancelled", id="twice-1"))
send(1, 2, event(minute(3, 300), "twice", "failed", id="twice-2", code="disk_full"))
send(1, 2, event(minute(3, 400), "twice", "success", id="twice-2"))
# a tombstone
lines.append(json.dumps({"phase": 1, "partition": 0, "key": "gone", "value": None}))
# closes minute 3
for partition in range(3):
    send(1, partition, event(minute(4, 5000), "closer"))

# Phase 2: partition 0 alone, the others idle: every record decides.
send(2, 0, event(minute(4, 30_000), "strict"))
send(2, 0, event(minute(5, 4998), "strict"))  # watermark 1 ms short of closing minute 4
send(2, 0, event(minute(4, 59_999), "strict"))  # counts
send(2, 0, event(minute(5, 4999), "strict"))  # closes minute 4
send(2, 0, event(minute(4, 59_999), "strict", "failed", id="late-1"))  # late, logged
send(2, 0, event(minute(0, 10), "strict", "paused", id="late-2"))  # late, logged
send(2, 0, event(minute(5, 0), "strict"))

# Phase 3: partition 1 alone, behind what partition 0 has closed, then ahead.
send(3, 1, event(minute(4, 50_000), "strict", "failed", id="late-3"))
send(3, 1, event(minute(5, 1000), "strict"))
send(3, 1, event(minute(6, 5000), "closer"))  # closes minute 5
send(3, 1, event(minute(5, 59_000), "strict", "failed", id="late-4"))

# Phase 4: all three again, none ahead of what another still needs.
for partition in range(3):
    send(4, partition, event(minute(5, 2000), "strict", "cancelled", id=f"late-5-{partition}"))
    for _ in range(5):
        send(4, partition, event(minute(7, dice.randrange(30_000)), "again", dice.choice(["success", "failed"]), code="cdn_timeout"))
send(4, 1, event(minute(3, 500), "twice", "failed", id="twice-1", code="auth_failed"))  # late: the log takes it

# Phase 5: closes minute 7; its own window stays open and is never written.
send(5, 0, event(minute(9, 0), "closer"))

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
with open(os.path.join(folder, "messages.jsonl"), "w", encoding="utf-8") as f:
    f.write("\n".join(lines) + "\n")
