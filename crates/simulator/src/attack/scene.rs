//! The context of an attack: account, day, size and usual volume, and the actions that families share.

use std::sync::Arc;

use super::{Attack, When, ordinary};
use crate::account::{Account, Persona};
use crate::calendar::{DAY, HOUR, MINUTE, Today};
use crate::catalog::{Breadth, Query, Report, TEAMS, View, columns};
use crate::dice::{Dice, Stream};
use crate::event::{Body, Event, Session, Threat, ThreatKind};
use crate::location::{ABROAD, CLOUDS, Client, Location};
use crate::mechanism::people;
use crate::record::{changed_session_data, security_event_data};
use crate::script::Script;
use crate::workday::{self, Workday};
use crate::world::World;

/// An attack while its events are generated.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) account: &'a Account,
    pub(super) persona: &'a Persona,
    pub(super) today: Today,
    pub(super) dice: Dice,
    /// From 0, the hardest to see, to 1, blatant.
    pub(super) size: f64,
    /// Median rows of the working days in the two weeks before, at least 60.
    pub(super) usual_rows: f64,
    /// The first day of attacks.
    pub(super) window: u32,
    /// Factor of the length of the attack.
    pace: f64,
    /// When the attack begins, within the account's day.
    pub(super) at: i64,
    /// The account's session at that time.
    pub(super) session: Arc<Session>,
    pub(super) note: String,
    events: Vec<Event>,
    detections: Vec<Event>,
}

impl<'a> Scene<'a> {
    /// Prepares an attack. Returns `None` if the account does not work on that day, or still works if it should be asleep,
    /// or has fewer than four days before.
    pub(super) fn open(
        world: &'a World,
        account: &'a Account,
        day: u32,
        when: When,
        size: f64,
        dice: &mut Dice,
    ) -> Option<Scene<'a>> {
        let today = *world.calendar.get(day as usize)?;
        let persona = account.persona(day)?;
        let until = people::tenure(world, account).until;
        let (first, before) = if when == When::Asleep {
            (Some(today.midnight).filter(|_| until.saturating_add(7) <= day)?, until)
        } else {
            let present = ordinary(world, account, today);
            (present.first().filter(|_| !today.is_weekend() || !account.class.is_person())?.at, day)
        };
        let before = world.calendar.iter().take(before as usize).rev().take(14);
        let mut rows: Vec<f64> = before
            .map(|today| ordinary(world, account, *today))
            .filter(|events| !events.is_empty())
            .map(|events| volume(&events))
            .collect();
        if rows.len() < 4 {
            return None;
        }
        rows.sort_by(f64::total_cmp);
        let usual_rows = rows.get(rows.len() / 2).copied()?.max(60.0);
        let window = super::window(world);
        let workday = Workday::new(world, account, today);
        let latest = (workday.end - first - HOUR).max(MINUTE);
        let at = match when {
            When::Anytime if world.has_mechanisms() => today.midnight + (DAY as f64 * dice.unit()) as i64,
            When::Asleep => today.midnight + (DAY as f64 * dice.unit()) as i64,
            _ => first + (latest as f64 * dice.unit()) as i64 + MINUTE,
        };
        let session = workday.session(at).clone();
        let pace = if world.has_mechanisms() { dice.log_normal(1.0, 1.2).clamp(0.1, 10.0) } else { 1.0 };
        let dice = Dice::numbered(world.key, Stream::Attack, 0, account.index, day);
        let (events, detections, note) = (Vec::new(), Vec::new(), String::new());
        Some(Scene {
            world,
            account,
            persona,
            today,
            dice,
            size,
            usual_rows,
            window,
            pace,
            at,
            session,
            note,
            events,
            detections,
        })
    }

    /// Ends the attack.
    pub(super) fn finish(mut self, family: &'static str) -> Attack {
        self.events.sort_by_key(|event| event.at);
        Attack {
            family,
            note: self.note,
            identity: self.persona.identity.clone(),
            events: self.events,
            detections: self.detections,
        }
    }

    /// Returns a value between `hard` and `blatant` for the size, on a logarithmic scale.
    pub(super) fn scale(&self, hard: f64, blatant: f64) -> f64 {
        hard * (blatant / hard).powf(self.size)
    }

    /// Like [`Scene::scale`], as a whole number.
    pub(super) fn count(&self, hard: u32, blatant: u32) -> u32 {
        self.scale(f64::from(hard), f64::from(blatant)).round() as u32
    }

    /// Draws `count` times from the start of the attack on, spread over a number of minutes between the two given.
    pub(super) fn times(&mut self, count: u32, minutes: (u32, u32)) -> Vec<i64> {
        let span = i64::from(self.dice.whole(minutes.0, minutes.1)) * MINUTE;
        let left = self.world.calendar.last().map_or(0, |last| last.midnight + 18 * HOUR - self.at).max(20 * MINUTE);
        let span = if self.pace == 1.0 { span } else { ((span as f64 * self.pace) as i64).min(left) };
        let step = span / i64::from(count.max(1));
        (0..i64::from(count)).map(|nth| self.at + nth * step + (step as f64 * 0.8 * self.dice.unit()) as i64).collect()
    }

    /// Appends the events of an action.
    pub(super) fn perform<T>(&mut self, act: impl FnOnce(&mut Script<'_>) -> T) -> T {
        let dice = Dice::new(self.dice.word(), Stream::Attack, 1, 0);
        let mut script = Script { dice, identity: self.persona.identity.clone(), out: &mut self.events };
        act(&mut script)
    }

    /// Opens views, one at each time, with about `rows` rows in total.
    pub(super) fn open_views(&mut self, session: &Arc<Session>, views: &[Arc<View>], times: &[i64], rows: f64) {
        let share = rows / times.len().max(1) as f64;
        for (&at, view) in times.iter().zip(views.iter().cycle()) {
            let rows = self.dice.log_normal(share, 0.35).clamp(5.0, 2_000.0);
            self.perform(|script| script.list_view(at, session, view, rows));
        }
    }

    /// Exports reports, one at each time, with about `rows` rows in total.
    pub(super) fn export(&mut self, session: &Arc<Session>, reports: &[Arc<Report>], times: &[i64], rows: f64) {
        let share = rows / times.len().max(1) as f64;
        for (&at, report) in times.iter().zip(reports.iter().cycle()) {
            let rows = self.dice.log_normal(share, 0.4).clamp(20.0, 60_000.0);
            let runs_first = self.dice.chance(0.4);
            self.perform(|script| {
                if runs_first {
                    script.report(at - 9_000, session, report, "ReportRunFromLightning", rows);
                }
                script.report(at, session, report, "ReportExported", rows)
            });
        }
    }

    /// Draws reports that the account does not usually open.
    pub(super) fn unknown_reports(&mut self, count: u32) -> Vec<Arc<Report>> {
        let known = &self.persona.reports;
        let all = TEAMS.into_iter().flat_map(|team| &self.world.catalog.of_team(team).reports);
        let unknown: Vec<Arc<Report>> =
            all.filter(|report| known.iter().all(|other| other.id != report.id)).cloned().collect();
        self.dice.sample(&unknown, count as usize)
    }

    /// Returns the broad views of the account's usual objects.
    pub(super) fn broad_views(&self) -> Vec<Arc<View>> {
        let objects = self.persona.objects();
        objects.iter().filter_map(|object| self.world.catalog.view(object, Breadth::All).cloned()).collect()
    }

    /// Draws broad views of objects that the account does not usually read.
    pub(super) fn foreign_views(&mut self, count: u32) -> Vec<Arc<View>> {
        let known = self.persona.objects();
        let foreign: Vec<Arc<View>> = TEAMS
            .into_iter()
            .flat_map(|team| team.objects())
            .filter(|object| !known.contains(object))
            .filter_map(|object| self.world.catalog.view(object, Breadth::All).cloned())
            .collect();
        self.dice.sample(&foreign, count as usize)
    }

    /// Draws an address of a hosting provider. A hard attack uses the account's current address.
    pub(super) fn network(&mut self) -> (String, &'static Location) {
        if self.size < 0.25 {
            return (self.session.ip.clone(), self.session.location);
        }
        let number = self.dice.word() % 1_000_000;
        let location = self.dice.pick(&ABROAD).unwrap_or(self.account.location);
        (location.rented_ip(number), location)
    }

    /// Draws an address of a cloud provider.
    pub(super) fn cloud(&mut self) -> (String, &'static Location) {
        let number = self.dice.word() % 1_000_000;
        let location = self.dice.pick(&CLOUDS).unwrap_or(self.account.location);
        (location.rented_ip(number), location)
    }

    /// Reads record pages of these objects, one at each time. The numbers of the records follow each other from `first`
    /// on, or are random.
    pub(super) fn read_records(
        &mut self,
        session: &Arc<Session>,
        objects: &[&'static str],
        times: &[i64],
        first: Option<u64>,
    ) {
        for ((nth, &at), object) in (0..).zip(times).zip(objects.iter().cycle()) {
            let random = self.dice.word() >> 24;
            let record = first.map_or(random, |first| first + nth);
            self.perform(|script| script.read_record(at, session, object, record));
        }
    }

    /// Creates a session with this address and client.
    pub(super) fn new_session(&mut self, ip: String, location: &'static Location, client: Client) -> Arc<Session> {
        Arc::new(workday::session(&mut self.dice, ip, location, client))
    }

    /// Lets Threat Detection report the attack one to five hours later, in two of three cases.
    pub(super) fn perhaps_detect(&mut self, kind: ThreatKind, session: &Arc<Session>, previous: Option<Arc<Session>>) {
        if self.dice.chance(0.34) {
            return;
        }
        let rows = volume(&self.events);
        let last = self.events.iter().map(|event| event.at).max().unwrap_or(self.at);
        let summary = match kind {
            ThreatKind::ApiAnomaly => "API request had an unusually high number of rows".to_owned(),
            ThreatKind::ReportAnomaly => {
                format!("Report was exported from an infrequent network ({})", session.location.city)
            }
            ThreatKind::SessionHijacking => {
                "Changes to (userAgent, ipAddress) were not expected based on this user's profile".to_owned()
            }
        };
        let data = match &previous {
            Some(previous) => changed_session_data(previous, session),
            None => security_event_data(&mut self.dice, rows, session),
        };
        let threat = Threat {
            kind,
            score: (0.45 + 0.5 * self.size * self.dice.unit()).min(0.99),
            summary,
            data,
            rows,
            objects: self.persona.objects().join(", "),
            previous,
        };
        let at = last + i64::from(self.dice.whole(60, 300)) * MINUTE;
        let dice = Dice::new(self.dice.word(), Stream::Attack, 2, 0);
        let mut script = Script { dice, identity: self.persona.identity.clone(), out: &mut self.detections };
        script.threat(at, session, threat);
    }
}

/// Returns a query for all records of an object.
pub(super) fn full_query(object: &'static str) -> Arc<Query> {
    let (columns, _) = columns(object);
    Arc::new(Query { objects: object, text: format!("SELECT Id, {columns} FROM {object} ORDER BY CreatedDate DESC") })
}

/// Returns the rows of all runs, counting each run once.
fn volume(events: &[Event]) -> f64 {
    let rows = events.iter().map(|event| match &event.body {
        Body::ListView { rows, sequence: 1, .. } | Body::Report { rows, sequence: 1, .. } => rows.unwrap_or(0.0),
        Body::Api { rows, operation: "Query", .. } => rows.unwrap_or(0.0),
        Body::BulkApiResult { rows, .. } => *rows,
        _ => 0.0,
    });
    rows.sum()
}
