//! Change: projects, apps that a team adopts, reorganizations, handovers, and objects that are renamed.

use std::sync::Arc;

use super::Mechanism;
use crate::account::{Account, Class, changes_query, usual_rows};
use crate::behavior::person::Shift;
use crate::calendar::Today;
use crate::catalog::{Query, Team, View, newcomers_breadth};
use crate::dice::{Dice, mix};
use crate::event::{Api, Body, Event, LoginKind};
use crate::ids;
use crate::location::{CLOUDS, program};
use crate::plan::Plan;
use crate::workday;
use crate::world::World;

/// Days from one project of a team to the next.
const PROJECT_EVERY: u32 = 35;
/// Days from one app of a team to the next, and days over which a team adopts one.
const APP_EVERY: u32 = 50;
const ADOPTION: u32 = 30;
/// Days over which a mover hands over.
pub(crate) const HANDOVER: u32 = 28;

/// Objects that are renamed, with their later names.
const RENAMED: [(&str, &str); 7] = [
    ("Invoice__c", "Billing_Document__c"),
    ("Payment__c", "Receipt__c"),
    ("Event_Registration__c", "Registration__c"),
    ("Quote", "Proposal__c"),
    ("Asset", "Installed_Product__c"),
    ("Contract", "Agreement__c"),
    ("Product2", "Catalog_Item__c"),
];

const fn app(name: &'static str, number: u64) -> Api {
    Api { api_type: "REST", application: name, client: "Unknown", connected_app: Some(number) }
}

static APPS: [Api; 6] = [
    app("Pipeline Coach", 51),
    app("Ticket Lens", 52),
    app("Campaign Kit", 53),
    app("Ledger Bridge", 54),
    app("Sheet Connector", 55),
    app("Note Taker", 56),
];

/// A move of an account to another team.
pub(crate) struct Move {
    pub(crate) day: u32,
    pub(crate) team: Team,
    /// Days over which old work fades out.
    pub(crate) handover: u32,
}

/// Returns the moves of an account: the reorganization's, and its own.
pub(crate) fn moves(plan: &Plan, key: u64, account: &Account, team: Team) -> Vec<Move> {
    if !matches!(account.class, Class::Normal | Class::Power) {
        return Vec::new();
    }
    let dice =
        |mechanism: Mechanism, user| Dice::numbered(key, crate::dice::Stream::Mechanism, mechanism as u32, user, 1);
    let mut moves = Vec::new();
    let share = plan.world.strength(Mechanism::Reorganization);
    if share > 0.0 && dice(Mechanism::Reorganization, account.index).chance(share) {
        let day = 40 + (mix(key) % 15) as u32;
        let next = match team {
            Team::Sales => Team::Service,
            Team::Service => Team::Sales,
            Team::Marketing => Team::Finance,
            _ => Team::Marketing,
        };
        moves.push(Move { day, team: next, handover: 0 });
    }
    let share = plan.world.strength(Mechanism::Handovers);
    let mut own = dice(Mechanism::Handovers, account.index);
    if moves.is_empty() && own.chance(share) {
        let next = match team {
            Team::Sales => Team::Marketing,
            Team::Service => Team::Finance,
            _ => Team::Sales,
        };
        moves.push(Move { day: 5 + own.gap(40.0), team: next, handover: HANDOVER });
    }
    moves
}

/// Works on the team's project: three objects of other teams, for two to five weeks.
pub(crate) fn project(shift: &mut Shift<'_>) {
    let share = shift.world.strength(Mechanism::Projects);
    let (team, user, day) = (shift.persona.team as u32, shift.account.index, shift.today.index + 7 * 7);
    let shifted = day + team * 5;
    let (number, age) = (shifted / PROJECT_EVERY, shifted % PROJECT_EVERY);
    let mut of_project = shift.world.dice(Mechanism::Projects, 2_000_000 + team, number);
    let weeks = of_project.whole(2, 5);
    let takes_part = share > 0.0 && shift.world.dice(Mechanism::Projects, user, 1_000_000 + number).chance(share);
    if !takes_part || age >= weeks * 7 {
        return;
    }
    let objects = of_project.sample(&shift.persona.team.foreign_objects(), 3);
    let mut dice = shift.world.dice(Mechanism::Projects, user, shift.today.index);
    for _ in 0..dice.count(6.0) {
        let at = shift.workday.moment(&mut dice);
        let session = shift.workday.session(at).clone();
        let Some(object) = dice.pick(&objects).copied() else { continue };
        match shift.world.catalog.view(object, newcomers_breadth(&mut dice)).filter(|_| dice.chance(0.6)) {
            Some(view) => {
                let rows = usual_rows(view, shift.persona.book);
                shift.view(at, &session, view, rows);
            }
            None => shift.script.open_record(at, &session, object),
        }
    }
}

/// Uses the connected apps that the person has adopted.
pub(crate) fn apps(shift: &mut Shift<'_>) {
    let share = shift.world.strength(Mechanism::Apps);
    if share == 0.0 {
        return;
    }
    let (team, user) = (shift.persona.team as u32, shift.account.index);
    for number in 0..=shift.today.index / APP_EVERY {
        let mut adoption = shift.world.dice(Mechanism::Apps, user, 1_000_000 + number);
        let from = number * APP_EVERY + team * 4 + 6 + adoption.whole(0, ADOPTION);
        let mut dice = shift.world.dice(Mechanism::Apps, user, shift.today.index * 40 + number);
        let Some(api) = APPS.get((team + number) as usize % APPS.len()) else { continue };
        if !adoption.chance(share) || shift.today.index < from || !dice.chance(0.5) {
            continue;
        }
        // The app runs at its vendor, which has a few addresses.
        let Some(location) = CLOUDS.get(number as usize % CLOUDS.len()) else { continue };
        let ip = location.rented_ip(u64::from((team + number) * 4 + dice.whole(0, 3)));
        let session = Arc::new(workday::session(&mut dice, ip, location, program("okhttp/5.0.0")));
        shift.script.login(shift.workday.start, &session, "Success", LoginKind::App(api.application));
        for _ in 0..dice.whole(1, 4) {
            let at = shift.workday.moment(&mut dice);
            let Some(object) = dice.habit(shift.persona.team.objects()).copied() else { continue };
            let rows = dice.log_normal(80.0, 1.0);
            shift.script.query(at, &session, &Arc::new(changes_query(object)), api, rows);
        }
    }
}

/// Renames objects in an account's events of a day, `events[from..]`, from the day on at which they have another name.
pub(crate) fn rename(world: &World, today: Today, from: usize, events: &mut [Event]) {
    let share = world.strength(Mechanism::Renames);
    if share == 0.0 {
        return;
    }
    let later_name = |object: &str| {
        let (number, (_, later)) = RENAMED.iter().enumerate().find(|(_, (old, _))| *old == object)?;
        let mut dice = world.dice(Mechanism::Renames, number as u32, 0);
        (dice.chance(share) && today.index >= dice.whole(20, 55)).then_some(*later)
    };
    for event in events.iter_mut().skip(from) {
        match &mut event.body {
            Body::ListView { view, .. } => {
                if let Some(later) = later_name(view.object) {
                    *view = Arc::new(renamed_view(view, later));
                }
            }
            Body::Api { query, .. } | Body::BulkApiResult { query, .. } => {
                if let Some(later) = later_name(query.objects) {
                    let text = query.text.replace(&format!("FROM {}", query.objects), &format!("FROM {later}"));
                    *query = Arc::new(Query { objects: later, text });
                }
            }
            Body::LightningUri { object, .. } | Body::Uri { object, .. } | Body::Write { object, .. } => {
                *object = later_name(object).unwrap_or(object);
            }
            _ => {}
        }
    }
}

/// Returns the view that replaces one of a renamed object. It has another id.
fn renamed_view(view: &View, object: &'static str) -> View {
    let number = view.id.bytes().fold(7, |hash, byte| mix(hash ^ u64::from(byte)));
    View {
        object,
        developer_name: view.developer_name.clone(),
        id: ids::salesforce_id("00B", number >> 16),
        breadth: view.breadth,
        columns: view.columns,
        column_count: view.column_count,
        rows: view.rows,
    }
}
