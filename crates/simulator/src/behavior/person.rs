//! Ordinary days of people: pages, list views, records, reports, and some queries and files.

use std::sync::Arc;

use super::extras;
use crate::account::{Account, Persona, usual_rows};
use crate::calendar::{HOUR, MINUTE, Today};
use crate::catalog::{TEAMS, Team, View};
use crate::dice::{Dice, Stream};
use crate::episode::EpisodeKind;
use crate::event::{Event, LoginKind, Session};
use crate::mechanism::{change, people, season, volume};
use crate::script::{SOAP, Script};
use crate::workday::Workday;
use crate::world::World;

/// What a person does next.
#[derive(Clone, Copy)]
enum Action {
    HomePage,
    View,
    Record,
    Classic,
    Report,
    Query,
    File,
}

/// Appends the day of a person, if the person works.
pub(super) fn day(world: &World, account: &Account, today: Today, out: &mut Vec<Event>) {
    let Some(persona) = account.persona(today.index) else { return };
    let mut dice = Dice::new(world.key, Stream::Behavior, account.index, today.index);
    let deadline = account.in_episode(EpisodeKind::Deadline, today.index);
    let usual = account.weekly.get(today.weekday as usize).copied().unwrap_or(1.0);
    let works = dice.chance(if today.is_weekend() { usual } else { 0.95 }) || deadline;
    let works = people::works(world, account, today, works);
    if !works || !account.is_present(today.index) {
        return;
    }
    let workday = Workday::new(world, account, today);
    let script = Script { dice, identity: persona.identity.clone(), out };
    let mut shift = Shift { world, account, persona, today, workday, script };
    shift.log_in();

    let weekday = match people::shift_hours(world, account, today) {
        Some(_) => 1.0,
        None if today.is_weekend() => 0.35,
        None => usual,
    };
    let project = account.in_episode(EpisodeKind::ProjectDays, today.index);
    let busy = if project { 1.5 } else { 1.0 };
    let median = persona.actions * weekday * busy * season::factor(world, today, persona.team);
    let median = median * volume::habit(world, account, today);
    let actions = shift.script.dice.log_normal(median, account.sigma);
    let actions = shift.script.dice.count(actions.min(persona.actions * 12.0));
    for _ in 0..actions {
        let at = shift.workday.moment(&mut shift.script.dice);
        shift.act(at);
    }
    if deadline {
        shift.work_late();
    }
    if project {
        extras::project(&mut shift);
    }
    change::project(&mut shift);
    change::apps(&mut shift);
    volume::one_offs(&mut shift);
    extras::seasonal(&mut shift);
    extras::administration(&mut shift);
    if shift.workday.logs_out {
        let (at, session) = (shift.workday.end, shift.workday.session(shift.workday.end).clone());
        shift.script.event(at + 3 * MINUTE, &session, crate::event::Body::Logout);
    }
}

/// A person at work on a day.
pub(crate) struct Shift<'a> {
    pub(crate) world: &'a World,
    pub(crate) account: &'a Account,
    pub(crate) persona: &'a Persona,
    pub(crate) today: Today,
    pub(crate) workday: Workday,
    pub(crate) script: Script<'a>,
}

impl Shift<'_> {
    fn log_in(&mut self) {
        for login in &self.workday.logins {
            let mut at = login.at;
            for _ in 0..login.typos {
                self.script.login(at, &login.session, "Invalid Password", LoginKind::Application);
                at += i64::from(self.script.dice.whole(5_000, 25_000));
            }
            self.script.login(at, &login.session, "Success", LoginKind::Application);
        }
    }

    /// Works in the evening, for a deadline.
    fn work_late(&mut self) {
        let local_midnight = season::local_midnight(self.world, self.account.location, self.today);
        let start = local_midnight + 19 * HOUR + i64::from(self.script.dice.whole(0, 60)) * MINUTE;
        let actions = self.script.dice.count(self.persona.actions * 0.5);
        for _ in 0..actions {
            let at = start + i64::from(self.script.dice.whole(0, 180)) * MINUTE;
            self.act(at);
        }
    }

    /// Does one action.
    fn act(&mut self, at: i64) {
        let session = self.workday.session(at).clone();
        if self.script.dice.chance(self.persona.curiosity) {
            self.explore(at, &session);
            return;
        }
        let choice = self.script.dice.weighted(
            Action::Record,
            &[
                (Action::HomePage, 0.2),
                (Action::View, 0.24),
                (Action::Classic, if self.persona.team == Team::Admin { 0.2 } else { 0.02 }),
                (Action::Report, if self.persona.reports.is_empty() { 0.0 } else { 0.13 }),
                (Action::Query, if self.persona.queries.is_empty() { 0.0 } else { 0.06 }),
                (Action::File, 0.05),
            ],
            0.32,
        );
        let object = self.script.dice.habit(self.persona.team.objects()).copied().unwrap_or("Account");
        match choice {
            Action::HomePage => self.home_page(at, &session),
            Action::View => {
                if let Some((view, rows)) = self.script.dice.habit(&self.persona.views).cloned() {
                    self.view(at, &session, &view, rows);
                }
            }
            Action::Record => self.script.open_record(at, &session, object),
            Action::Classic => self.script.open_classic(at, &session, object),
            Action::Report => self.run_report(at, &session),
            Action::Query => {
                if let Some((query, rows)) = self.script.dice.habit(&self.persona.queries).cloned() {
                    let rows = self.script.dice.log_normal(rows, 0.5);
                    self.script.query(at, &session, &query, &SOAP, rows);
                }
            }
            Action::File => {
                let action = self.script.dice.weighted("PREVIEW", &[("UI_DOWNLOAD", 0.3), ("UPLOAD", 0.15)], 0.55);
                self.script.file(at, &session, action);
            }
        }
    }

    /// Loads the home page, which requests the same few list views several times within milliseconds.
    fn home_page(&mut self, at: i64, session: &Arc<Session>) {
        let mut moment = at;
        for _ in 0..self.script.dice.whole(3, 12) {
            let home = self.persona.views.get(..3).unwrap_or(&self.persona.views);
            let Some((view, rows)) = self.script.dice.pick(home).cloned() else { return };
            // The page requests at most one chunk of a view.
            let rows = rows * volume::size(self.world, &view.id, self.today);
            self.script.list_view(moment, session, &view, rows.clamp(1.0, 250.0));
            moment += i64::from(self.script.dice.whole(0, 4));
        }
    }

    /// Opens a list view, with rows that vary by a few percent.
    pub(crate) fn view(&mut self, at: i64, session: &Arc<Session>, view: &Arc<View>, rows: f64) {
        let rows = rows * volume::size(self.world, &view.id, self.today);
        let today = (rows * self.script.dice.log_normal(1.0, 0.06)).max(1.0);
        self.script.list_view(at, session, view, today);
    }

    /// Runs a usual report, and exports it at times.
    fn run_report(&mut self, at: i64, session: &Arc<Session>) {
        let Some(report) = self.script.dice.habit(&self.persona.reports).cloned() else { return };
        let size = volume::size(self.world, &report.id, self.today);
        let rows = report.rows * size * self.script.dice.log_normal(1.0, 0.12);
        let operation = self.script.dice.weighted(
            "ReportRunFromLightning",
            &[("ReportRunFromClassic", 0.04), ("ReportRunFromMobile", 0.03)],
            0.93,
        );
        let done = self.script.report(at, session, &report, operation, rows);
        if self.script.dice.chance(self.persona.export_share) {
            let operation = self.script.dice.weighted("ReportExported", &[("ReportExportedAsynchronously", 0.1)], 0.9);
            let pause = i64::from(self.script.dice.whole(4_000, 60_000));
            self.script.report(done + pause, session, &report, operation, rows);
        }
    }

    /// Opens a list view or report that the person does not usually open, mostly of the own team.
    fn explore(&mut self, at: i64, session: &Arc<Session>) {
        let own = self.script.dice.chance(0.7);
        let team = if own { self.persona.team } else { self.script.dice.pick(&TEAMS).copied().unwrap_or(Team::Sales) };
        let team_catalog = self.world.catalog.of_team(team);
        if self.script.dice.chance(0.6) {
            let Some(view) = self.script.dice.pick(&team_catalog.views).cloned() else { return };
            self.view(at, session, &view, usual_rows(&view, self.persona.book));
        } else if let Some(report) = self.script.dice.pick(&team_catalog.reports).cloned() {
            let done = self.script.report(at, session, &report, "ReportRunFromLightning", report.rows);
            if self.script.dice.chance(self.persona.export_share) {
                self.script.report(done + 20_000, session, &report, "ReportExported", report.rows);
            }
        }
    }
}
