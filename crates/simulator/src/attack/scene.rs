//! What an attack needs to know about its account, and what all families have in common.

use std::sync::Arc;

use super::{Attack, ordinary};
use crate::account::{Account, Persona};
use crate::calendar::{HOUR, MINUTE, Today};
use crate::catalog::{Breadth, Query, Report, TEAMS, View, columns};
use crate::desk::{self, Desk};
use crate::dice::{Dice, Stream};
use crate::event::{Body, Event, Session, Threat, ThreatKind};
use crate::place::{ABROAD, Client, Place};
use crate::record::{changed_session_data, security_event_data};
use crate::script::Script;
use crate::world::World;

pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) account: &'a Account,
    pub(super) persona: &'a Persona,
    pub(super) today: Today,
    pub(super) dice: Dice,
    /// 0 is as hard to see as it gets, 1 is blatant.
    pub(super) size: f64,
    /// Median rows of a working day before.
    pub(super) usual_rows: f64,
    /// The first day of attacks.
    pub(super) window: u32,
    /// When it begins, within the account's day.
    pub(super) at: i64,
    /// The session of that moment.
    pub(super) session: Arc<Session>,
    pub(super) note: String,
    events: Vec<Event>,
    aftermath: Vec<Event>,
}

impl<'a> Scene<'a> {
    /// An account at work on that day, with a history; else nothing.
    pub(super) fn open(
        world: &'a World,
        account: &'a Account,
        day: u32,
        size: f64,
        dice: &mut Dice,
    ) -> Option<Scene<'a>> {
        let today = *world.calendar.get(day as usize)?;
        let persona = account.persona(day)?;
        let present = ordinary(world, account, today);
        let first = present.first().filter(|_| !today.is_weekend() || !account.class.is_person())?.at;
        let before = world.calendar.iter().take(day as usize).rev().take(14);
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
        let desk = Desk::new(world.key, account, today);
        let latest = (desk.end - first - HOUR).max(MINUTE);
        let at = first + (latest as f64 * dice.unit()) as i64 + MINUTE;
        let session = desk.session(at).clone();
        let dice = Dice::numbered(world.key, Stream::Attack, 0, account.index, day);
        let (events, aftermath, note) = (Vec::new(), Vec::new(), String::new());
        Some(Scene {
            world,
            account,
            persona,
            today,
            dice,
            size,
            usual_rows,
            window,
            at,
            session,
            note,
            events,
            aftermath,
        })
    }

    pub(super) fn close(mut self, family: &'static str) -> Attack {
        self.events.sort_by_key(|event| event.at);
        Attack {
            family,
            note: self.note,
            identity: self.persona.identity.clone(),
            events: self.events,
            aftermath: self.aftermath,
        }
    }

    /// From `hard` to `blatant`, on a logarithmic scale.
    pub(super) fn scale(&self, hard: f64, blatant: f64) -> f64 {
        hard * (blatant / hard).powf(self.size)
    }

    pub(super) fn count(&self, hard: u32, blatant: u32) -> u32 {
        self.scale(f64::from(hard), f64::from(blatant)).round() as u32
    }

    /// So many times of day within this many minutes of the beginning.
    pub(super) fn times(&mut self, count: u32, minutes: (u32, u32)) -> Vec<i64> {
        let span = i64::from(self.dice.whole(minutes.0, minutes.1)) * MINUTE;
        let step = span / i64::from(count.max(1));
        (0..i64::from(count)).map(|nth| self.at + nth * step + (step as f64 * 0.8 * self.dice.unit()) as i64).collect()
    }

    pub(super) fn perform<T>(&mut self, act: impl FnOnce(&mut Script<'_>) -> T) -> T {
        let dice = Dice::new(self.dice.word(), Stream::Attack, 1, 0);
        let mut script = Script { dice, identity: self.persona.identity.clone(), out: &mut self.events };
        act(&mut script)
    }

    /// Looks at views, one at each time, with `rows` rows altogether.
    pub(super) fn look(&mut self, session: &Arc<Session>, views: &[Arc<View>], times: &[i64], rows: f64) {
        let share = rows / times.len().max(1) as f64;
        for (&at, view) in times.iter().zip(views.iter().cycle()) {
            let rows = self.dice.log_normal(share, 0.35).clamp(5.0, 2_000.0);
            self.perform(|script| script.list_view(at, session, view, rows));
        }
    }

    /// Exports reports, one at each time, with `rows` rows altogether.
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

    /// Reports this account has no habit of opening.
    pub(super) fn unknown_reports(&mut self, count: u32) -> Vec<Arc<Report>> {
        let known = &self.persona.reports;
        let all = TEAMS.into_iter().flat_map(|team| &self.world.catalog.shelf(team).reports);
        let unknown: Vec<Arc<Report>> =
            all.filter(|report| known.iter().all(|other| other.id != report.id)).cloned().collect();
        self.dice.sample(&unknown, count as usize)
    }

    /// The broad views of the account's own objects.
    pub(super) fn broad_views(&self) -> Vec<Arc<View>> {
        let objects = self.persona.objects();
        objects.iter().filter_map(|object| self.world.catalog.view(object, Breadth::All).cloned()).collect()
    }

    /// Broad views of objects that are not the account's own.
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

    /// A hosting provider or proxy; a hard attack comes through the account's usual network.
    pub(super) fn network(&mut self) -> (String, &'static Place) {
        if self.size < 0.25 {
            return (self.session.ip.clone(), self.session.place);
        }
        let number = self.dice.word() % 1_000_000;
        let place = self.dice.pick(&ABROAD).unwrap_or(self.account.place);
        (place.rented_ip(number), place)
    }

    /// A new session with this client.
    pub(super) fn intrude(&mut self, ip: String, place: &'static Place, client: Client) -> Arc<Session> {
        Arc::new(desk::session(&mut self.dice, ip, place, client))
    }

    /// Two times in three, Threat Detection reports it one to five hours later.
    pub(super) fn detected(&mut self, kind: ThreatKind, session: &Arc<Session>, previous: Option<Arc<Session>>) {
        if self.dice.chance(0.34) {
            return;
        }
        let rows = volume(&self.events);
        let last = self.events.iter().map(|event| event.at).max().unwrap_or(self.at);
        let summary = match kind {
            ThreatKind::ApiAnomaly => "API request had an unusually high number of rows".to_owned(),
            ThreatKind::ReportAnomaly => {
                format!("Report was exported from an infrequent network ({})", session.place.city)
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
        let mut script = Script { dice, identity: self.persona.identity.clone(), out: &mut self.aftermath };
        script.threat(at, session, threat);
    }
}

/// A query over everything in an object.
pub(super) fn full_query(object: &'static str) -> Arc<Query> {
    let (columns, _) = columns(object);
    Arc::new(Query { objects: object, text: format!("SELECT Id, {columns} FROM {object} ORDER BY CreatedDate DESC") })
}

/// Rows of all runs, each counted once.
fn volume(events: &[Event]) -> f64 {
    let rows = events.iter().map(|event| match &event.body {
        Body::ListView { rows, sequence: 1, .. } | Body::Report { rows, sequence: 1, .. } => rows.unwrap_or(0.0),
        Body::Api { rows, operation: "Query", .. } => rows.unwrap_or(0.0),
        Body::BulkApiResult { rows, .. } => *rows,
        _ => 0.0,
    });
    rows.sum()
}
