"""How many statuses of a provider are made durable, and how soon its callbacks are answered."""

NUMBER = "436641000099"
RECIPIENTS = 1000  # of a dispatch


class Callbacks:
    def __init__(self, bench, quick):
        self.bench = bench
        self.seconds = 3 if quick else 15
        self.next = 0  # the first dispatch that no run has used

    def make_sim(self):
        """A paused SIM: nothing is sent, only statuses come."""
        account, key = self.bench.account("Callbacks")
        secret = "bench-app-secret"
        sim = self.bench.api("POST", "/v1/sims", {
            "network": "NETWORK_WHATSAPP", "address": f"+{NUMBER}", "capacity": 1000, "driver": {"whatsapp_cloud": {
                "phone_number_id": NUMBER, "access_token": "t", "app_secret": secret, "verify_token": "v"}}}, key)["id"]
        self.bench.api("POST", f"/v1/sims/{sim}:pause", {}, key)
        self.path = f"/callbacks/whatsapp_cloud/{sim}"
        self.secret_file = self.bench.secret("app", secret)

    def dispatches(self, statuses):
        """Makes enough dispatches for so many statuses; the first one's number, and how many."""
        count = -(-int(statuses) // RECIPIENTS)
        first = int(self.bench.psql_once(f"""
            WITH sim AS (SELECT account_id, id FROM sims.sims WHERE address = '+{NUMBER}'),
            made AS (INSERT INTO sims.dispatches SELECT s.account_id, nextval('sims.dispatch_id'), 'bench-{self.next}-' || n,
              s.id, 2, 'bench', '', '{{}}', array_agg(r), array_agg('+43' || r), '{{}}', false,
              int8range(1, {RECIPIENTS + 1}), now(), NULL
              FROM sim s, generate_series(1, {count}) n, generate_series(1, {RECIPIENTS}) r
              GROUP BY s.account_id, s.id, n RETURNING account_id, id, sim_id),
            states AS (INSERT INTO sims.dispatch_states SELECT account_id, id, sim_id, 2, 1, true,
              decode(repeat('10', {RECIPIENTS}), 'hex'), NULL, now() FROM made)
            SELECT min(id) FROM made"""))
        self.bench.psql("VACUUM ANALYZE sims.dispatches; VACUUM ANALYZE sims.dispatch_states")
        self.next += count
        return first, count

    def run_one(self, statuses, rate, seconds, concurrency=256):
        """`rate` statuses per second, so many in each callback; 0: as fast as they are answered."""
        first, count = self.dispatches((rate or 60000) * (seconds + 1))
        result = {"statuses": statuses, "rate": rate}
        with self.bench.profile(f"callbacks-{statuses}-{rate}"), self.bench.costs(result):
            result |= self.bench.load("callbacks", target=f"127.0.0.1:{self.bench.options.http}", path=self.path,
                                      number=NUMBER, secret_file=self.secret_file, statuses=statuses,
                                      rate=rate / statuses, duration=f"{seconds}s", concurrency=concurrency,
                                      first_dispatch=first, dispatches=count)
        result["told"] = result["count"] * statuses
        result["messages"] = min(result["told"], count * RECIPIENTS)  # a fast run is through with them and begins again
        result["durable"] = int(self.bench.psql(f"""
            SELECT coalesce(sum((SELECT count(*) FROM generate_series(0, {RECIPIENTS - 1}) i
              WHERE get_byte(status, i) >> 4 = 5)), 0) FROM sims.dispatch_states
            WHERE id BETWEEN {first} AND {first + count - 1}"""))
        result["statuses_per_second"] = result["told"] / seconds
        result["statuses_per_cpu_second"] = result["told"] / result["cpu_s"]["mo_all"]
        return result

    def run(self):
        self.make_sim()
        self.run_one(1, 1000, 1)  # connections, caches, prepared statements
        return {"open": [self.run_one(1, 5000, self.seconds), self.run_one(100, 5000, self.seconds)],
                "most": [self.run_one(1, 0, self.seconds), self.run_one(1000, 0, self.seconds, 8)]}
