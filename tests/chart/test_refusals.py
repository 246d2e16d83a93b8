"""Invalid values are refused with a helpful message."""

import unittest

import helm_python
import yaml

from support import render

BASE = {"nats": {"servers": ["nats://nats:4222"]}, "postgres": {"existingSecret": "database"}}

#: Values merged over BASE, and what the error must contain.
REFUSED = [
    # Refused by the schema.
    ("nast: {}", "'nast' not allowed"),
    ("ingest: {replica: 2}", "at '/ingest': additional properties 'replica' not allowed"),
    ("detector: {groups: [{name: a, replica: 1}]}", "at '/detector/groups/0': additional properties 'replica'"),
    ("detector: {groups: []}", "at '/detector/groups': minItems"),
    ("detector: {groups: [{name: Rows}]}", "at '/detector/groups/0/name': 'Rows' does not match pattern"),
    ("config: {ingets: {}}", "at '/config': additional properties 'ingets' not allowed"),
    ("config: {partitions: {count: 0}}", "at '/config/partitions/count': minimum: got 0, want 1"),
    ("config: {nats: {replicas: 2}}", "at '/config/nats/replicas': value must be one of 1, 3, 5"),
    ("nats: {servers: ['http://nats:4222']}", "at '/nats/servers/0': 'http://nats:4222' does not match"),
    ("nats: {servers: ['nats://me:secret@nats:4222']}", "at '/nats/servers/0'"),
    ("nats: {auth: {kind: password}}", "at '/nats/auth/kind': value must be one of 'none', 'nkey', 'creds', 'token'"),
    ("postgres: {existingSecret: x, password: y}", "at '/postgres': additional properties 'password' not allowed"),
    ("postgres: {existingSecret: x, urlKeys: {operator: y}}", "at '/postgres/urlKeys': additional properties 'operator'"),
    ("correlator: {autoscaling: {hpa: {}, keda: {}}}", "at '/correlator/autoscaling': additional properties"),
    ("correlator: {autoscaling: {kind: both}}", "value must be one of 'none', 'hpa', 'keda'"),
    ("correlator: {terminationGracePeriodSeconds: 20}", "minimum: got 20, want 21"),
    ("defaults: {securityContext: {readOnlyRootFilesystem: false}}", "readOnlyRootFilesystem': value must be true"),
    ("defaults: {securityContext: {privileged: true}}", "privileged': value must be false"),
    ("defaults: {podSecurityContext: {runAsUser: 0}}", "runAsUser': minimum: got 0, want 1"),
    ("ingest: {ingress: {enabled: true}}", "at '/ingest/ingress/host': minLength"),
    ("image: {digest: 'sha256:1'}", "at '/image/digest'"),
    # Contradictions between values.
    ("nats: {servers: []}", "nats.servers: name your NATS servers, or set nats.inCluster.enabled"),
    ("postgres: {existingSecret: ''}", "postgres.existingSecret: name the Secret with the URL of your Postgres"),
    ("nats: {servers: [nats://a], inCluster: {enabled: true}}", "nats.servers and nats.inCluster.enabled: give one"),
    ("postgres: {existingSecret: x, inCluster: {enabled: true}}", "existingSecret and postgres.inCluster.enabled"),
    ("nats: {servers: [nats://a], auth: {kind: nkey}}", "nats.auth.existingSecret: name the Secret with the nkey of"),
    ("nats: {servers: [nats://a], auth: {existingSecret: x}}", "nats.auth.kind: set what the Secret holds"),
    ("nats: {servers: [nats://a], tls: {clientCertificate: true}}", "nats.tls.existingSecret: name the Secret"),
    ("nats: {servers: [], inCluster: {enabled: true}, tls: {existingSecret: x}}", "supports neither"),
    ("{nats: {servers: [], inCluster: {enabled: true}}, config: {nats: {replicas: 3}}}", "is a single server"),
    ("postgres: {existingSecret: '', inCluster: {enabled: true}, tls: {existingSecret: x}}", "does not support TLS"),
    ("{postgres: {existingSecret: x, urlKeys: {ingest: y}}, setup: {enabled: false}}", "postgres.urlKeys: only the owner"),
    ("postgres: {existingSecret: '', inCluster: {enabled: true}, urlKeys: {ingest: y}}", "postgres.urlKeys: only the owner"),
    ("config: {nats: {servers: [nats://b]}}", "config.nats.servers: set nats.servers beside config"),
    ("config: {nats: {manage_topology: false}}", "config.nats.manage_topology: set setup.enabled"),
    ("config: {postgres: {url: postgres://b}}", "config.postgres.url: a password does not belong in a config map"),
    ("config: {admin: {listen: '0.0.0.0:1'}}", "config.admin: the chart listens on 9090"),
    ("config: {ingest: {orgs: {00D1: {tokens: [t]}}}}", "config.ingest.orgs.00D1.tokens: a secret does not belong"),
    ("config: {notifier: {destinations: {a: {kind: webhook, secret: s}}}}", "config.notifier.destinations.a.secret: a secret"),
    ("config: {console: {listen: '0.0.0.0:1'}}", "config.console.listen: the chart listens on 8090"),
    ("config: {console: {sign_in: {client_secret: s}}}", "config.console.sign_in.client_secret: a secret does not belong"),
    ("console: {ingress: {enabled: true}}", "at '/console/ingress/host': minLength"),
    ("{console: {ingress: {enabled: true, host: a.example}}, config: {console: {sign_in: {public_url: https://b.example}}}}",
     "console.ingress.host: config.console.sign_in.public_url leads browsers to https://b.example"),
    ("console: {autoscaling: {kind: keda}}", "console.autoscaling.kind: keda scales by the messages of a shared"),
    ("console: {drainSeconds: 20}", "console.terminationGracePeriodSeconds: a service needs 20 s"),
    ("baseline: {replicas: 33}", "baseline: 33 replicas for 32 partitions (config.partitions.count)"),
    ("{baseline: {replicas: 5}, config: {partitions: {count: 4}}}", "baseline: 5 replicas for 4 partitions"),
    ("baseline: {autoscaling: {kind: hpa, maxReplicas: 40}}", "baseline: 40 replicas for 32 partitions"),
    ("baseline: {autoscaling: {kind: keda}}", "baseline.autoscaling.kind: keda scales by the messages of a shared"),
    ("ingest: {autoscaling: {kind: keda}}", "ingest.autoscaling.kind: keda scales by the messages of a shared"),
    ("correlator: {autoscaling: {kind: keda}}", "nats.monitoring.endpoint: needed by keda to query"),
    ("{correlator: {autoscaling: {kind: keda}}, setup: {enabled: false}}", "leave setup.enabled on"),
    ("{correlator: {autoscaling: {kind: keda}}, nats: {servers: [], inCluster: {enabled: true}}}", "exist first"),
    ("correlator: {autoscaling: {kind: hpa, minReplicas: 3, maxReplicas: 2}}", "minReplicas is above maxReplicas"),
    ("correlator: {autoscaling: {kind: hpa, minReplicas: 0}}", "at least 1 with hpa"),
    ("correlator: {autoscaling: {kind: hpa}, resources: {requests: {cpu: null}}}", "scales by the used share of it"),
    ("ingest: {drainSeconds: 20}", "ingest.terminationGracePeriodSeconds: a service needs 20 s"),
    ("config: {ingest: {files: {paths: [/data]}}}", "config.ingest.files: each replica of ingest would read them"),
    ("detector: {groups: [{name: a, family: volum}]}", "detector.groups[a].family: there is no volum, only identity"),
    ("detector: {groups: [{name: a, detectors: [row_spyke]}]}", "there is no row_spyke, only api_recon, app_authorized, bulk_export"),
    ("detector: {groups: [{name: a, family: time, detectors: [off_hours]}]}", "give family or detectors, not both"),
    ("detector: {groups: [{name: a}, {name: b, family: time}]}", "detector.groups: a and b both run"),
    ("detector: {groups: [{name: a, family: time}, {name: a, family: native}]}", "detector.groups: two groups are named a"),
]


class Refusals(unittest.TestCase):
    def test_the_base_is_valid(self):
        render(BASE)

    def test_invalid_values_are_refused(self):
        for text, expect in REFUSED:
            with self.subTest(text), self.assertRaises(helm_python.HelmError) as refused:
                render(BASE | yaml.safe_load(text))
            self.assertIn(expect, str(refused.exception), text)

    def test_all_errors_are_reported_at_once(self):
        with self.assertRaises(helm_python.HelmError) as refused:
            render({"nats": {"servers": []}, "baseline": {"replicas": 99}})
        for key in "nats.servers:", "postgres.existingSecret:", "baseline:":
            self.assertIn(key, str(refused.exception))

    def test_unusual_values_are_accepted(self):
        for text in (
            "baseline: {replicas: 32}",
            "{baseline: {replicas: 40}, config: {partitions: {count: 64}}}",
            "{ingest: {replicas: 1}, config: {ingest: {files: {paths: [/data]}}}}",
            "detector: {groups: [{name: a, detectors: [row_spike]}, {name: b, detectors: [slow_drain]}]}",
            "config: {notifier: {destinations: {a: {kind: webhook, secret_file: /run/secrets/a/b}}}}",
            "config: {notifier: {channels: {a: {kind: stdout}}}}",
            "config: {ingest: {orgs: {00D1: {tokens: null}}}}",
        ):
            with self.subTest(text):
                render(BASE | yaml.safe_load(text))


if __name__ == "__main__":
    unittest.main()
