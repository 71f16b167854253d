#!/usr/bin/env python3
"""Computes what StreamPulse must write from the messages alone and compares it with what is in the tables.

usage: check.py MESSAGES.jsonl TABLES_DIR [--delay S] [--alert-min N]
       check.py MESSAGES.jsonl --expect DIR

MESSAGES.jsonl: one JSON object a message, each partition in offset order:
  {"phase": 1, "partition": 0, "value": "<base64 of the bare Avro body>"}; a null value is a tombstone. Phase may be left out (1).
  A phase is sent when the job has read the phases before it and partitions that are silent since then have become idle.
TABLES_DIR: content_stats.csv, region_health.csv, device_stats.csv, alerts.csv, event_log.csv with a header line, as
  psql --csv -c 'SELECT * FROM content_stats'
  writes them. Order of rows and further columns do not matter; empty is NULL.
--expect DIR writes the expected tables instead (metric values unrounded).

Exit 0: equal. 1: differences, the first fifty on a line each. 2: the messages do not decide the result, or wrong arguments: which of two
partitions is read first then matters, for a late row or for a window. Windows that only an idle partition's absence closes
after the last phase may be there or not.
"""
import argparse
import base64
import csv
import hashlib
import json
import math
import os
import struct
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

MINUTE = 60_000
TABLES = {
    "content_stats": ["content_id", "window_start"],
    "region_health": ["region", "window_start"],
    "device_stats": ["device", "os_version", "window_start"],
    "alerts": ["alert_type", "region", "window_start"],
    "event_log": ["event_id"],
}


class Undecided(Exception):
    pass


# --- Avro ---------------------------------------------------------------------------------------------------------


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n < 0 or self.at + n > len(self.data):
            raise ValueError("the message ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def long(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def string(self):
        return self.take(self.long()).decode("utf-8")

    def float(self):
        return struct.unpack("<f", self.take(4))[0]

    def optional(self):
        return self.string() if self.long() == 1 else None


def decode(data):
    r = Reader(data)
    names = {
        "event_id": r.string, "timestamp": r.long, "user_id": r.string,
        "content_id": r.string, "title": r.string, "type": r.string, "category": r.string, "size_mb": r.long, "price": r.float,
        "status": r.string, "duration_seconds": r.long, "speed_mbps": r.float, "error_code": r.optional, "error_message": r.optional,
        "region": r.string, "city": r.string, "device": r.string, "os_version": r.string, "connection_type": r.string,
    }
    return {name: read() for name, read in names.items()}


# --- which rows are late, which windows close ----------------------------------------------------------------------


def judge(messages, delay_ms):
    """Marks each event late or not; returns the bounds between which the last watermark lies."""
    low = high = -math.inf
    late = 0
    phases = defaultdict(list)
    for m in messages:
        phases[m["phase"]].append(m)
    for number, phase in enumerate(sorted(phases)):
        sent = phases[phase]
        alone = len({m["partition"] for m in sent}) == 1
        everything = max(m["event"]["timestamp"] for m in sent) - delay_ms
        before, tops = (low, high), {}
        for m in sent:
            e, p = m["event"], m["partition"]
            last = e["timestamp"] // MINUTE * MINUTE + MINUTE - 1
            own = tops.get(p, -math.inf)
            if number == 0:  # no partition has spoken yet: each holds the watermark back
                sure, possible = before[0], max(before[1], own)
            elif alone:  # the others are idle: every record decides
                sure, possible = max(before[0], own), max(before[1], own)
            else:  # all were idle: whoever is read first may run ahead of the others
                sure, possible = before[0], max(before[1], everything)
            if last <= sure:
                e["late"] = True
                late += 1
            elif last > possible:
                e["late"] = False
            else:
                raise Undecided(f"phase {phase}: whether {e['event_id']} at {e['timestamp']} is late depends on the order of the partitions")
            tops[p] = max(own, e["timestamp"] - delay_ms)
        low, high = max(low, min(tops.values())), max(high, max(tops.values()))
    return late, low, high


# --- the tables ----------------------------------------------------------------------------------------------------


class Loose(float):
    """A mean whose last bit depends on the order of the sum."""


def mean(values):
    if not values:
        return None
    unit = max(Fraction(v).denominator for v in values)
    exact = sum(abs(Fraction(v)) for v in values) * unit < 2**53
    return (float if exact else Loose)(math.fsum(values) / len(values))


def stats(rows):
    status = [r["status"] for r in rows]
    ok = [r for r in rows if r["status"] == "success"]
    return {
        "total_downloads": len(rows),
        "successful_downloads": status.count("success"),
        "failed_downloads": status.count("failed"),
        "cancelled_downloads": status.count("cancelled"),
        "total_size_gb": Fraction(sum(r["size_mb"] for r in rows), 1024),
        "avg_speed_mbps": mean([r["speed_mbps"] for r in ok if r["speed_mbps"] > 0]),
        "avg_duration_seconds": mean([float(r["duration_seconds"]) for r in ok]),
        "success_rate": len(ok) / len(rows),
        "cdn_timeout_rate": sum(r["error_code"] == "cdn_timeout" for r in rows) / len(rows),
    }


def expected(messages, delay_ms, alert_min):
    late, low, high = judge(messages, delay_ms)
    tables = {name: {} for name in TABLES}
    optional = {name: set() for name in TABLES}

    def put(table, row, maybe):
        key = tuple(str(row[k]) for k in TABLES[table])
        tables[table][key] = row
        if maybe:
            optional[table].add(key)

    groups = {"content": defaultdict(list), "region": defaultdict(list), "device": defaultdict(list)}
    for m in messages:
        e = m["event"]
        if not e["late"]:
            start = e["timestamp"] // MINUTE * MINUTE
            groups["content"][(start, e["content_id"])].append(e)
            groups["region"][(start, e["region"])].append(e)
            groups["device"][(start, e["device"], e["os_version"])].append(e)
    for kind, found in groups.items():
        for key, rows in found.items():
            start, last = key[0], key[0] + MINUTE - 1
            if last > high:
                continue
            maybe = last > low
            s = stats(rows)
            window = {"window_start": moment(start), "window_end": moment(start + MINUTE)}
            columns = ["total_downloads", "successful_downloads", "failed_downloads", "cancelled_downloads", "total_size_gb"]
            if kind == "content":
                row = {"content_id": key[1], "title": max(r["title"] for r in rows), **{c: s[c] for c in columns}, **window}
                row["download_count"] = row.pop("total_downloads")
                put("content_stats", row, maybe)
            elif kind == "device":
                put("device_stats", {"device": key[1], "os_version": key[2], **{c: s[c] for c in columns + ["avg_speed_mbps"]}, **window}, maybe)
            else:
                columns += ["success_rate", "avg_speed_mbps", "avg_duration_seconds"]
                put("region_health", {"region": key[1], **{c: s[c] for c in columns}, **window}, maybe)
                if len(rows) < alert_min:
                    continue
                alerts = []
                if s["success_rate"] < 0.80:
                    alerts.append(("HIGH_ERROR_RATE", "CRITICAL", "success_rate", 0.80))
                elif s["success_rate"] < 0.90:
                    alerts.append(("HIGH_ERROR_RATE", "WARNING", "success_rate", 0.90))
                if s["avg_speed_mbps"] is not None and s["avg_speed_mbps"] < 10.0:
                    alerts.append(("SLOW_DOWNLOADS", "WARNING", "avg_speed_mbps", 10.0))
                if s["cdn_timeout_rate"] >= 0.10:
                    alerts.append(("CDN_FAILURE", "CRITICAL", "cdn_timeout_rate", 0.10))
                for alert_type, severity, metric, threshold in alerts:
                    put("alerts", {
                        "alert_type": alert_type, "severity": severity, "region": key[1], "content_id": None, "acknowledged": False,
                        "metric_name": metric, "metric_value": s[metric], "threshold_value": threshold, "window_start": moment(start),
                    }, maybe)

    # of two messages with one event_id the last that is logged stays; over several partitions of one phase, any of their last ones
    for m in messages:
        e = m["event"]
        if e["status"] != "success" or hashlib.md5(e["event_id"].encode()).hexdigest() < "028f5c28":
            row = {"event_id": e["event_id"], "event_timestamp": moment(e["timestamp"]),
                   **{c: e[c] for c in ("content_id", "region", "device", "status", "error_code")}}
            mine = tables["event_log"].setdefault((e["event_id"],), {})
            if mine.get("phase") != m["phase"]:
                mine.clear()
                mine["phase"] = m["phase"]
            mine[m["partition"]] = row
    for key, mine in tables["event_log"].items():
        mine.pop("phase")
        tables["event_log"][key] = list(mine.values())
    return tables, optional, late


def moment(ms):
    return datetime(1970, 1, 1) + timedelta(milliseconds=ms)


# --- comparing -----------------------------------------------------------------------------------------------------


def digits(column, row):
    metric = row.get("metric_name") if column == "metric_value" else column
    return 4 if metric in ("success_rate", "cdn_timeout_rate") else 2


def agree(column, want, got, row):
    if want is None or got == "":
        return got == "" and want in (None, "")
    if isinstance(want, bool):
        return got.lower() in (("t", "true", "1") if want else ("f", "false", "0"))
    if isinstance(want, datetime):
        return datetime.fromisoformat(got) == want
    if isinstance(want, str):
        return got == want
    if isinstance(want, int) or column == "threshold_value":
        return Decimal(got) == Decimal(repr(want))
    step = Decimal(1).scaleb(-digits(column, row))
    if isinstance(want, Fraction):  # exact
        exact = Decimal(want.numerator) / Decimal(want.denominator)
        return abs(exact) < 10**8 and Decimal(got) == exact.quantize(step, ROUND_HALF_UP)
    slack = 1e-9 if isinstance(want, Loose) else 0.0
    near = {Decimal(repr(v)).quantize(step, ROUND_HALF_UP) for v in (float(want), want - slack, want + slack)}
    return any(abs(Decimal(got) - v) < Decimal("1e-9") for v in near)


def too_large(want):  # numeric(10, 2) cannot hold it: NULL
    return isinstance(want, Fraction) and abs(want) >= 10**8


def difference(want, got):
    for column, value in want.items():
        if too_large(value):
            value = None
        if column not in got:
            return f"no column {column}"
        if not agree(column, value, got[column], want):
            shown = float(value) if isinstance(value, Fraction) else value
            return f"{column} is {got[column] or 'NULL'}, expected {'NULL' if shown is None else shown}"
    return None


def key_of(table, row):
    return tuple(str(datetime.fromisoformat(row[c])) if c == "window_start" else row[c] for c in TABLES[table])


def compare(tables, optional, folder):
    wrong = 0

    def complain(table, key, what):
        nonlocal wrong
        wrong += 1
        if wrong <= 50:
            print(f"{table} {' '.join(key)}: {what}")

    for table, rows in tables.items():
        with open(os.path.join(folder, table + ".csv"), encoding="utf-8", newline="") as f:
            found = list(csv.DictReader(f))
        seen = set()
        for got in found:
            key = key_of(table, got)
            if key in seen:
                complain(table, key, "is there twice")
            seen.add(key)
            if key not in rows:
                complain(table, key, "must not be there")
                continue
            if table == "alerts" and not got.get("message"):
                complain(table, key, "has no message")
            choices = rows[key] if isinstance(rows[key], list) else [rows[key]]
            reasons = [difference(want, got) for want in choices]
            if all(reasons):
                complain(table, key, reasons[-1])
        for key in rows.keys() - seen - optional[table]:
            complain(table, key, "is missing")
        print(f"{table}: {len(found)} rows", file=sys.stderr)
    return wrong


def write(tables, folder):
    os.makedirs(folder, exist_ok=True)
    for table, rows in tables.items():
        rows = [r[-1] if isinstance(r, list) else r for r in rows.values()]
        with open(os.path.join(folder, table + ".csv"), "w", encoding="utf-8", newline="") as f:
            out = csv.DictWriter(f, list(rows[0]) if rows else TABLES[table])
            out.writeheader()
            for row in rows:
                out.writerow({k: float(v) if isinstance(v, Fraction) else v for k, v in row.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages")
    parser.add_argument("tables", nargs="?")
    parser.add_argument("--expect", metavar="DIR")
    parser.add_argument("--delay", type=int, default=5)
    parser.add_argument("--alert-min", type=int, default=5)
    args = parser.parse_args()
    if (args.tables is None) == (args.expect is None):
        parser.error("give the folder of the tables, or --expect")
    messages = []
    with open(args.messages, encoding="utf-8") as lines:
        for line in lines:
            m = json.loads(line)
            if m["value"] is None:
                continue
            messages.append({"phase": m.get("phase", 1), "partition": m["partition"], "event": decode(base64.b64decode(m["value"]))})
    try:
        tables, optional, late = expected(messages, args.delay * 1000, args.alert_min)
    except Undecided as reason:
        print(reason)
        return 2
    print(f"{len(messages)} messages, {late} late in each of the three statistics", file=sys.stderr)
    if args.expect:
        write(tables, args.expect)
        return 0
    wrong = compare(tables, optional, args.tables)
    print("equal" if wrong == 0 else f"{wrong} differences", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
