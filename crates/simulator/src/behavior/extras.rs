//! Behavior beyond the daily routine: projects, month ends, rollouts, administration.

use std::sync::Arc;

use super::person::Shift;
use crate::account::{Class, usual_rows};
use crate::calendar::MINUTE;
use crate::catalog::{Item, newcomers_breadth};
use crate::dice::{Dice, Stream};
use crate::episode::EpisodeKind;
use crate::event::Body;
use crate::mechanism::people;
use crate::workday;

/// Reads three objects of other teams, or many reports, during a project.
pub(super) fn project(shift: &mut Shift<'_>) {
    let kind = EpisodeKind::ProjectDays;
    let Some(episode) =
        shift.account.episodes.iter().find(|episode| episode.kind == kind && episode.last >= shift.today.index)
    else {
        return;
    };
    // The stream of the first day gives the same objects on all days of the project.
    let mut dice = Dice::numbered(shift.world.key, Stream::Episode, 50, shift.account.index, episode.first);
    let objects = dice.sample(&shift.persona.team.foreign_objects(), 3);
    let reports = dice.chance(0.5);
    let effort = shift.script.dice.count(7.0) + 2;
    for _ in 0..effort {
        let at = shift.workday.moment(&mut shift.script.dice);
        let session = shift.workday.session(at).clone();
        if reports {
            let team_catalog = shift.world.catalog.of_team(shift.persona.team);
            let Some(report) = shift.script.dice.pick(&team_catalog.reports).cloned() else { continue };
            let done = shift.script.report(at, &session, &report, "ReportRunFromLightning", report.rows);
            if shift.script.dice.chance(0.25) {
                shift.script.report(done + 9_000, &session, &report, "ReportExported", report.rows);
            }
        } else {
            let Some(object) = shift.script.dice.pick(&objects).copied() else { continue };
            let breadth = newcomers_breadth(&mut shift.script.dice);
            let Some(view) = shift.world.catalog.view(object, breadth).cloned() else { continue };
            let rows = usual_rows(&view, shift.persona.book);
            shift.view(at, &session, &view, rows);
        }
    }
}

/// Exports reports at month end, runs scheduled reports, and opens rollouts.
pub(super) fn seasonal(shift: &mut Shift<'_>) {
    if shift.account.in_episode(EpisodeKind::MonthEndExport, shift.today.index) {
        let team_catalog = shift.world.catalog.of_team(shift.persona.team);
        for _ in 0..shift.script.dice.whole(3, 8) {
            let at = shift.workday.moment(&mut shift.script.dice);
            let session = shift.workday.session(at).clone();
            let usual = shift.script.dice.chance(0.5);
            let reports = if usual { &shift.persona.reports } else { &team_catalog.reports };
            let Some(report) = shift.script.dice.pick(reports).cloned() else { continue };
            let rows = report.rows * shift.script.dice.between(1.5, 5.0);
            shift.script.report(at, &session, &report, "ReportExported", rows);
        }
    }
    if shift.today.weekday == 0
        && shift.account.index.is_multiple_of(4)
        && let Some(report) = shift.persona.reports.first()
    {
        let session = shift.workday.session(shift.workday.start).clone();
        let at = shift.workday.start - 40 * MINUTE;
        shift.script.report(at, &session, report, "ReportScheduled", report.rows);
    }
    let today = shift.today.index;
    let rollouts = &shift.world.catalog.of_team(shift.persona.team).rollouts;
    for rollout in rollouts.iter().filter(|rollout| rollout.day <= today) {
        // On the first two days most people open it; later it is one view among others.
        let age = today - rollout.day;
        if !shift.script.dice.chance(if age < 2 { 0.8 } else { 0.2 }) {
            continue;
        }
        let at = shift.workday.moment(&mut shift.script.dice);
        let session = shift.workday.session(at).clone();
        match &rollout.item {
            Item::View(view) => shift.view(at, &session, view, view.rows),
            Item::Report(report) => {
                shift.script.report(at, &session, report, "ReportRunFromLightning", report.rows);
            }
        }
    }
}

/// Lets an administrator help this person, and does an administrator's work.
pub(super) fn administration(shift: &mut Shift<'_>) {
    if shift.account.in_episode(EpisodeKind::HarmlessLoginAs, shift.today.index) {
        support(shift);
    }
    if (shift.account.class == Class::Admin || people::is_delegate(shift.world, shift.account))
        && shift.script.dice.chance(0.5)
    {
        let at = shift.workday.moment(&mut shift.script.dice);
        let session = shift.workday.session(at).clone();
        let people = shift.world.accounts.len() as u32;
        let colleague = shift.script.dice.whole(0, people.saturating_sub(1));
        if let Some(impacted) = shift.world.account(colleague).and_then(|account| account.identity()).cloned() {
            let operation = shift.script.dice.weighted("AssignedToUsers", &[("UnassignedFromUsers", 0.3)], 0.7);
            let permission =
                shift.script.dice.weighted("RunReports", &[("ExportReport", 0.2), ("ApiEnabled", 0.1)], 0.7);
            shift.script.event(at, &session, Body::PermissionSet { operation, permission, impacted });
        }
    }
}

/// Lets an administrator log in as this person and open a few records and views.
fn support(shift: &mut Shift<'_>) {
    let Some(admin) = shift.script.dice.pick(&shift.world.admins).and_then(|&admin| shift.world.account(admin)) else {
        return;
    };
    let Some(identity) = admin.identity().cloned() else { return };
    let at = shift.workday.moment(&mut shift.script.dice);
    let client = workday::usual_client(admin, shift.today.index);
    let ip = admin.location.office_ip(u64::from(admin.index));
    let session = Arc::new(workday::session(&mut shift.script.dice, ip, admin.location, client));
    shift.script.event(at, &session, Body::LoginAs { admin: identity });
    let mut moment = at;
    for _ in 0..shift.script.dice.whole(2, 6) {
        moment += i64::from(shift.script.dice.whole(5_000, 90_000));
        let object = shift.script.dice.habit(shift.persona.team.objects()).copied().unwrap_or("Account");
        if shift.script.dice.chance(0.5) {
            shift.script.open_record(moment, &session, object);
        } else if let Some((view, rows)) = shift.script.dice.habit(&shift.persona.views).cloned() {
            shift.script.list_view(moment, &session, &view, rows);
        }
    }
}
