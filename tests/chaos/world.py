"""What the chaos falls upon: every service its own process, sims twice behind a balancer, agents, subscribers with phones."""

import shutil

import seed
from harness import newsroom
from harness.balancer import Balancer
from harness.deployment import Deployment
from harness.servers import PostgresServer
from harness.simulator import NETWORK, Simulator

FIRST_NUMBER = 491710000000


class World:
    """PostgreSQL, Redis and processes of its own; an account with a channel and `recipients` subscribers."""

    def __init__(self, recipients, sims, rate):
        self.recipients = recipients
        self.postgres = self.simulator = self.neighbours = self.deployment = self.balancer = None
        try:
            self._make(sims, rate)
        except BaseException:
            self.close()
            raise

    def _make(self, sims, rate):
        self.postgres = PostgresServer(private=True, settings=["shared_buffers=256MB", "max_wal_size=2GB"])
        self.simulator = Simulator()
        self.simulator.settings(keep_messages=0)
        self.neighbours = Simulator(seed=2)  # the phones of another account's people
        self.deployment = Deployment("separate", self.postgres, flags=["--rate_limit=0"], replicas={"sims": 2},
                                     front=self._front)
        self.api = self.deployment.create_account("Chaos")
        self.channel = newsroom.create_channel(self.api)
        self.addresses = [f"+4930{100 + number}" for number in range(sims)]
        self.sims = {address: newsroom.add_sim(self.deployment, self.api, self.simulator, address, self.recipients,
                                               messages_per_second=rate) for address in self.addresses}
        seed.seed(self.deployment.database.query, self.api.account_id, list(self.sims.values()), self.recipients,
                  self.channel, FIRST_NUMBER)
        phones = seed.phones(FIRST_NUMBER, self.recipients)
        self.simulator.post("/phones", {"network": NETWORK, **phones})
        self._prefix = phones["address"]

    def _front(self, replicas):
        self.balancer = Balancer(replicas)
        return self.balancer.port

    def client(self):
        """A client of the account for one thread; it bears restarts."""
        return self.deployment.client(self.api.key, patience=90)

    def attach(self, api, idempotent, credit):
        """Other agents for all SIMs."""
        for address, sim in self.sims.items():
            token = api.post(f"/v1/sims/{sim}/agent-tokens")["token"]
            self.simulator.detach(address)
            self.simulator.attach(address, token, self.deployment.device_gateway, idempotent=idempotent, credit=credit)

    def attaches(self):
        """How often agents have attached."""
        return sum(agent["attaches"] for agent in self.simulator.agents())

    def phones(self):
        """{how many messages: how many phones}, and how many messages arrived twice."""
        return self.simulator.histogram(self._prefix)

    def picture(self):
        """What the database says about broadcasts that are not done, and about who waits for whom."""
        if not self.postgres.ready():
            return "PostgreSQL does not answer"
        queries = ("SELECT id, state, control, control_push_time FROM channels.broadcasts WHERE state NOT IN (6, 7)",
                   """SELECT broadcast_id, open, due_time - now(), lease_owner, lease_epoch, lease_expire_time - now(), page,
                      complete, length(stored), resolved FROM channels.expansions WHERE open""",
                   """SELECT s.sim_id, s.open, get_byte(status, n) / 16 AS state, count(*), max(now() - s.update_time)
                      FROM sims.dispatch_states s, generate_series(0, length(status) - 1) AS n
                      WHERE s.open GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
                   "SELECT sim_id, epoch, expire_time - now() FROM sims.leases ORDER BY sim_id",
                   """SELECT usename, pid, state, wait_event, now() - xact_start, pg_blocking_pids(pid), left(query, 100)
                      FROM pg_stat_activity WHERE xact_start < now() - interval '1 s'""")
        return "\n".join(f"{query}:\n{self.deployment.database.query(query)}" for query in queries) + "\n" + "\n".join(
            f"{agent['address']}: attached {agent['attached']}, in flight {agent['in_flight']}, unacked {agent['unacked']}, "
            f"queued {agent['queued']}, error {agent['last_error']}" for agent in self.simulator.agents())

    def keep_logs(self, folder):
        """Copies everybody's log to a folder, which it returns."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in self.deployment.folder.glob("*.log"):
            shutil.copy(path, folder)
        shutil.copy(self.postgres.log_path, folder / "postgres.log")
        shutil.copy(self.simulator.log_path, folder)
        return folder

    def close(self):
        if self.deployment:
            self.deployment.close()
        if self.balancer:
            self.balancer.close()
        for simulator in (self.simulator, self.neighbours):
            if simulator:
                simulator.close()
        if self.postgres:
            self.postgres.stop()
