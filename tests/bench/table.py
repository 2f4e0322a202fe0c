"""What tests/bench/run prints."""
import statistics


def table(result):
    lines = [f"{result['time']}, commit {result['commit']}, {result['machine']}, "
             f"load {result['load_before']:.1f} before, {result['load_after']:.1f} after"]
    for raw in result.get("commits", []):
        lines.append(f"raw limit: one-row commits, {raw['clients']} connections   {raw['per_second']:9,.0f}/s"
                     f"   {raw['latency_ms']:.2f} ms")
    if "per_cpu_second" in result:
        names = {"rest": "REST GET /v1/account", "grpc": "bare gRPC GetAccount", "grpc_health": "bare gRPC health check"}
        lines.append(f"\n{'16 at once, closed loop':26} {'req/CPU-s':>10} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8}"
                     f" {'PG µs/req':>10} {'errors':>7}")
        for kind, name in names.items():
            m = result["per_cpu_second"]["median"][kind]
            lines.append(f"{name:26} {m['per_cpu_second']:10,.0f} {m['per_second']:9,.0f} {m['p50_ms']:8.2f}"
                         f" {m['p99_ms']:8.2f} {m['postgres_us']:10.0f} {m['errors']:7}")
        lines.append(f"REST / gRPC per CPU-second: {result['per_cpu_second']['ratio']:.2f}")
    if "at_500" in result or "answers" in result:
        lines += requests(result)
    if "callbacks" in result:
        lines += callbacks(result)
    if "sends" in result:
        lines += sends(result["sends"])
    if "redirect" in result:
        lines += redirect(result["redirect"])
    if "numbers" in result:
        lines += numbers(result["numbers"])
    if "fanout" in result:
        lines += fanout(result["fanout"])
    if "fairness" in result:
        lines += fairness(result["fairness"])
    return "\n".join(lines)


def requests(result):
    rows = []
    lines = []
    if "at_500" in result:
        rows += [("REST GET, 500/s (p99 < 10)", result["at_500"]["rest_get"]),
                 ("REST POST link, 500/s (p99 < 10)", result["at_500"]["rest_post"]),
                 ("bare gRPC GetAccount, 500/s", result["at_500"]["grpc_get"])]
    for answer in result.get("answers", []):
        bar = " (p50 < 25, p99 < 100)" if answer["rate"] == 200 else ""
        rows += [(f"answers, {answer['rate']}/s{bar}", answer["all"]), ("  welcome of strangers", answer["welcome"]),
                 ("  keyword of known senders", answer["keyword"])]
    lines.append(f"\n{'open loop':38} {'done/s':>8} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'max ms':>8} {'errors':>7}")
    for name, m in rows:
        lines.append(f"{name:38} {m['per_second']:8.0f} {m['p50_ms']:8.2f} {m['p90_ms']:8.2f} {m['p99_ms']:8.2f}"
                     f" {m['max_ms']:8.2f} {m['errors']:7}")
    for answer in result.get("answers", []):
        inbound = answer["rate"] * 5 + answer["all"]["count"]
        lines.append(f"\nanswers, {answer['rate']}/s: unanswered {answer['unanswered']}, repeated {answer['repeated']},"
                     f" unexpected {answer['unexpected']};"
                     " CPU ms per inbound message: "
                     + ", ".join(f"{name} {value / inbound * 1000:.1f}" for name, value in answer["cpu_s"].items())
                     + f"; CPU s of others {answer['others_s']:.1f}, taken by the host {answer['stolen_s']:.1f}")
        lines.append("hops (p50/p99 ms): " + ", ".join(
            f"{name} {hop['p50_ms']:.1f}/{hop['p99_ms']:.1f}" for name, hop in answer["hops"].items()))
        if "statements" in answer:
            lines.append("statements: calls and µs per inbound message")
            lines += [f"{s['calls_per']:8.2f} {s['us_per']:8.1f}  {s['role']:20} {s['query'][:140]}"
                      for s in answer["statements"][:60]]
    return lines


def callbacks(result):
    c = result["callbacks"]
    lines = [f"\n{'statuses of WhatsApp in callbacks':46} {'statuses/s':>10} {'per CPU-s':>9} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}"
             f" {'errors':>7}"]
    for run in c["open"] + c["most"]:
        name = f"{run['statuses']:,} in each, " + (f"{run['rate']:,}/s" if run["rate"] else "as fast as they are answered")
        lines.append(f"{name:46} {run['statuses_per_second']:10,.0f} {run['statuses_per_cpu_second']:9,.0f} {run['p50_ms']:8.2f}"
                     f" {run['p99_ms']:8.2f} {run['max_ms']:8.2f} {run['errors']:7}")
    single = c["open"][0]
    lines.append(f">= 5,000/s durable, p99 < 50 ms: {met(single['statuses_per_second'] >= 4950 and single['p99_ms'] < 50)};"
                 f" told but not durable: {sum(run['messages'] - run['durable'] for run in c['open'] + c['most'])} (0:"
                 f" {met(all(run['messages'] <= run['durable'] for run in c['open'] + c['most']))})")
    if "commits" in result:
        raw = result["commits"][-1]
        lines.append(f"one-row commits, {raw['clients']} connections: {raw['per_second']:,.0f}/s; a callback with one status"
                     f" reaches {c['most'][0]['statuses_per_second'] / raw['per_second']:.2f} of it, one with 1,000"
                     f" {c['most'][1]['statuses_per_second'] / raw['per_second']:.2f}")
    return lines


def sends(s):
    lines = [f"\n{'messages to WhatsApp, medians':30} {'runs':>5} {'msgs/s':>9} {'per CPU-s':>10}   CPU us per message"]
    for name, each in s["runs"].items():
        m = s["median"][name]
        cost = {} if name == "raw" else {part: statistics.median(run["cpu_us"][part] for run in each) for part in each[0]["cpu_us"]}
        lines.append(f"{'bare Beast client loop' if name == 'raw' else name:30} {len(each):5} {m['per_second']:9,.0f}"
                     f" {m['per_cpu_second']:10,.0f}   " + ", ".join(f"{part} {us:.1f}" for part, us in cost.items() if us))
    ours = [m for name, m in s["median"].items() if name != "raw"]
    runs = [run for name, each in s["runs"].items() if name != "raw" for run in each]
    lines.append(f">= 20,000 per CPU-second of mo-all: {met(min(m['per_cpu_second'] for m in ours) >= 20000)}; >= 20,000/s end to"
                 f" end: {met(min(m['per_second'] for m in ours) >= 20000)}; every message exactly once:"
                 f" {met(all(run['exactly_once'] for run in runs))}; taken by the host:"
                 f" {sum(run['stolen_s'] for run in runs):.1f} s")
    return lines


def redirect(r):
    lines = [f"\n{'clicks on 1,000 links, one core, medians':42} {'req/s':>9} {'per CPU-s':>10} {'CPU us':>7} {'p50 ms':>8} {'p99 ms':>8}"]
    for name, m in (("nginx return 302", r["nginx"]), ("links, counted", r["links"])):
        lines.append(f"{name:42} {m['per_second']:9,.0f} {m['per_cpu_second']:10,.0f} {m['cpu_us']:7.1f} {m['p50_ms']:8.2f}"
                     f" {m['p99_ms']:8.2f}")
    half = r["half"]["links"]
    for name, m in (("nginx at half of links' rate, open loop", r["half"]["nginx"]), ("links at half of its rate, open loop", half)):
        lines.append(f"{name:42} {m['per_second']:9,.0f} {'':10} {'':7} {m['p50_ms']:8.2f} {m['p99_ms']:8.2f}")
    lines.append(f">= 0.80 of nginx's rate: {r['rate_ratio']:.2f}, {met(r['rate_ratio'] >= 0.8)}; >= 0.65 per CPU-second:"
                 f" {r['cpu_ratio']:.2f}, {met(r['cpu_ratio'] >= 0.65)}; p99 < 5 ms at half: {met(half['p99_ms'] < 5)}; asked"
                 f" {r['requests']:,}, counted {r['counted']:,}: {met(r['requests'] <= r['counted'] <= r['requests'] + r['broken_off'])}"
                 f" (wrk forgets up to {r['broken_off']} that it breaks off)")
    return lines


def numbers(n):
    lines = [f"\n{'deliveries over REST, ms':42} {'first':>8} {'median':>8} {'most':>8}"]
    for name, m in n["ms"].items():
        lines.append(f"{name:42} {m['first']:8.1f} {m['median']:8.1f} {m['most']:8.1f}")
    lines.append(f"{n['messages']:,} messages in {n['rows']:,} numbers; median < 100 ms:"
                 f" {met(max(m['median'] for m in n['ms'].values()) < 100)}")
    return lines


def met(value):
    return "met" if value else "NOT MET"


def fanout(f):
    large = f["large"]
    size, count = large["recipients"], f"{large['recipients']:,}"
    kept = large["tables"]
    rows = [
        ("recipients/s until all are sent", f"{large['sent_per_second']:,.0f}", ">= 60,000",
         large["sent_per_second"] >= 60000),
        ("receipts/s until all are in the ledger", f"{large['receipts_per_second']:,.0f}", "", None),
        ("recipients/s until then", f"{size / large['receipts_s']:,.0f}", "", None),
        ("COPY of plain message rows, rows/s", f"{f['copy']['per_second']:,.0f}", "", None),
        ("recipients/s by rows/s", f"{f['ratio']:.3f}", ">= 0.15", f["ratio"] >= 0.15),
        ("POST to the first message at a phone, ms", f"{large['first_s'] * 1000:.0f}", "< 300", large["first_s"] < 0.3),
        ("bytes of table per recipient", f"{kept['kept']:.0f}", "<= 60", kept["kept"] <= 60),
        ("  without indexes", f"{kept['kept_heap']:.0f}", "", None),
        ("  with outboxes and the like", f"{kept['all']:.0f}", "", None),
        ("  of a plain message row", f"{f['copy']['bytes']:.0f}", "", None),
        ("bytes of WAL per recipient", f"{large['wal_bytes']:.0f}", "", None),
        ("growth of memory, MB: " + ", ".join(f"{n} {v:.0f}" for n, v in large["memory_mb"].items()),
         f"{max(large['memory_mb'].values()):.0f}", "< 200", max(large["memory_mb"].values()) < 200),
        ("a phone got it twice", f"{large['duplicates']}", "0", large["duplicates"] == 0)]
    for name, title in (("same", "an answer on a SIM of the broadcast"), ("other", "another tenant's answer")):
        m, idle = f["meanwhile"][name]["phone"], f["idle"][name]["phone"]
        rows.append((f"{title}, p99 ms (p50 {m['p50_ms']:.0f}, n {m['count']}; idle {idle['p50_ms']:.0f}/"
                     f"{idle['p99_ms']:.0f})", f"{m['p99_ms']:.0f}", "< 150", m["count"] > 0 and m["p99_ms"] < 150))
    for name, m in f["deliveries"].items():
        rows.append((f"deliveries, {name}, p99 ms (p50 {m['p50_ms']:.1f})", f"{m['p99_ms']:.1f}", "< 50", m["p99_ms"] < 50))
    for name in ("pages of 50", "all at once"):
        m = f["timeline"][name]
        rows.append((f"timeline over {f['timeline']['broadcasts']} broadcasts, {name}, p99 ms (p50 {m['p50_ms']:.1f})",
                     f"{m['p99_ms']:.1f}", "< 50", m["p99_ms"] < 50))
    costs = [(run["recipients"], run["cpu_us_per_recipient"]) for run in f["linear"]]
    spread = max(abs(cost / costs[-1][1] - 1) for _, cost in costs)
    rows.append(("CPU us per recipient, others' not counted: " + ", ".join(f"{cost:.0f} of {n:,}" for n, cost in costs),
                 f"{spread * 100:.0f} %", "<= 20 %", spread <= 0.2))
    (few, dear), (many, cheap) = costs[0], costs[-1]
    fixed = (dear - cheap) / (1 / few - 1 / many)  # of a line through both
    rows.append((f"  a broadcast costs {fixed / 1000:.0f} ms and {cheap - fixed / many:.1f} us per recipient", "", "", None))
    lines = [f"\nbroadcast to {count} over 50 SIMs, every delivery sent, delivered and read", f"{'':84} {'':>10}   bar"]
    lines += [f"{name:84} {value:>10}   " + (f"{bar}: {met(is_met)}" if bar else "") for name, value, bar, is_met in rows]
    lines.append("CPU seconds per million: " + ", ".join(f"{n} {v:.1f}" for n, v in large["cpu_s_per_million"].items()))
    lines.append("bytes per recipient by table (heap with TOAST + indexes): " + ", ".join(
        f"{name} {t['heap']:.1f}+{t['indexes']:.1f}" for name, t in sorted(kept["by_table"].items())))
    if "statements" in f:
        lines.append("statements: calls per 1000 and us per recipient")
        lines += [f"{s['calls_per'] * 1000:8.3f} {s['us_per']:8.3f}  {s['role']:20} {s['query'][:150]}"
                  for s in f["statements"][:25]]
    return lines


def fairness(f):
    s, e = f["small"], f["equal"]
    return [f"\n{s['small']:,} recipients over 1 SIM in the middle of another tenant's {s['large']:,} over 30",
            f"alone {s['alone_s']:.2f} s, {s['alone_per_second']:,.0f}/s; fair share {s['share_per_second']:,.0f}/s; beside the other"
            f" {s['beside_s']:.2f} s, {s['beside_per_second']:,.0f}/s",
            f"slowdown {s['slowdown']:.2f} (<= 2.5: {met(s['slowdown'] <= 2.5)}), worst of {len(s['beside'])}"
            f" {s['worst_s'] / s['alone_s']:.2f}; the other's rate meanwhile {s['large_per_second']:,.0f}/s; all of it"
            f" {s['large_s']:.2f} s, alone {s['large_alone_s']:.2f} s",
            f"four tenants, {e['recipients']:,} each: Jain's index {e['jain']:.4f} when the first was done; sent then: "
            + ", ".join(f"{n:,}" for n in e["sent"])]
