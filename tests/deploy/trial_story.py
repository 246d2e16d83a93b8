"""Events of invented accounts, for the trial: people who read about a hundred records a day and leave with thousands."""

import json
import uuid
from datetime import datetime, time, timedelta

#: List views of an ordinary day, as name, object, rows and how often.
ORDINARY = [("MyOpportunities", "Opportunity", 25, 2), ("My_Contacts", "Contact", 5, 1), ("MyAccounts", "Account", 4, 11)]
#: The last afternoon: seconds after its beginning, name, object and rows. Eleven views come within a minute.
BURST = [
    (0.0, "AllContacts", "Contact", 250), (0.1, "AllContacts", "Contact", 250),
    (0.2, "ClosingThisMonth", "Opportunity", 22), (0.3, "AllContacts", "Contact", 250),
    (0.4, "AllContacts", "Contact", 250), (0.5, "All_Opportunities", "Opportunity", 250),
    (0.6, "All_Enterprise_Accounts", "Account", 250), (0.7, "All_Enterprise_Accounts", "Account", 250),
    (0.8, "All_Enterprise_Accounts", "Account", 250), (1.1, "All_Cases", "Case", 250),
    (58.1, "All_Enterprise_Accounts", "Account", 250),
    *((2300.0 + 1200 * number, "AllContacts", "Contact", 250) for number in range(6)),
    (9700.0, "All_Opportunities", "Opportunity", 18),
]
PHASES = [0, 1, 4, 2, 0, 3, 1]


class Person:
    """An account, from whose number everything about it follows."""

    def __init__(self, number, org=0):
        self.number, self.space = number, uuid.uuid5(uuid.NAMESPACE_OID, f"orgwatch trial {org} {number}")
        self.id, self.name = f"005hn00000TR{number:03}", f"person.{number}@trial.example"

    def view(self, at, name, entity, rows):
        """Returns the record of a list view. Equal arguments have the same identity."""
        event = uuid.uuid5(self.space, f"{at.isoformat()} {name}")
        return {
            "attributes": {"type": "ListViewEvent"}, "EventIdentifier": str(event), "EventDate": stamp(at),
            "UserId": self.id, "Username": self.name, "QueriedEntities": entity, "DeveloperName": name, "Name": name,
            "ExecutionIdentifier": str(uuid.uuid5(event, "execution")), "Sequence": 1, "RowsProcessed": float(rows),
            "NumberOfColumns": 6, "EventSource": "Lightning", "SessionKey": f"session{self.number:04}{at:%m%d}",
            "SessionLevel": "STANDARD", "SourceIp": f"198.51.100.{self.number % 250 + 1}",
        }

    def query(self, at, rows):
        """Returns the record of a query through the API."""
        event = uuid.uuid5(self.space, f"{at.isoformat()} query")
        return {
            "attributes": {"type": "ApiEvent"}, "EventIdentifier": str(event), "EventDate": stamp(at), "UserId": self.id,
            "Username": self.name, "ApiType": "REST", "ApiVersion": 62.0, "Operation": "Query", "QueriedEntities": "Account",
            "RowsProcessed": float(rows), "RowsReturned": float(rows), "RequestIdentifier": event.hex[:20],
            "SourceIp": f"198.51.100.{self.number % 250 + 1}",
        }

    def day(self, day):
        """Returns the records of an ordinary day."""
        views = [view for *view, often in ORDINARY for _ in range(often)] + [ORDINARY[2][:3]] * PHASES[day.day % 7]
        begin = datetime.combine(day, time(10, self.number % 60))
        times = [begin + timedelta(minutes=21 * (number // 4), seconds=number % 4) for number in range(len(views))]
        return [self.view(at, *view) for at, view in zip(times, views)]

    def working_days(self, last, count):
        """Returns the records of so many ordinary working days before the last day, in order of time."""
        days = [last - timedelta(days=back) for back in range(count * 2, 0, -1)]
        return [record for day in [day for day in days if day.weekday() < 5][-count:] for record in self.day(day)]

    def burst(self, day, hour=14):
        """Returns the records with which the account leaves."""
        begin = datetime.combine(day, time(hour, self.number % 60))
        return [self.view(begin + timedelta(seconds=after), *view) for after, *view in BURST]

    def leaver(self, last, count=30):
        """Returns all records of an account that leaves on the last day."""
        return self.working_days(last, count) + self.burst(last)


def stamp(at):
    return at.isoformat(timespec="milliseconds") + "+0000"


def lines(records):
    """Returns records in order of time, as NDJSON."""
    return [json.dumps(each).encode() + b"\n" for each in sorted(records, key=lambda each: each["EventDate"])]


def full(org):
    """Returns the 18 characters of an org id of 15: three that say which letters are upper case."""
    bits = [sum(1 << at for at, sign in enumerate(org[part:part + 5]) if sign.isupper()) for part in (0, 5, 10)]
    return org + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[each] for each in bits)
