//! The leaver scenario: Emma Martin works with a few records of her own, and reads broad views on her last weekday.
//!
//! The scenario of the founding article, event by event.

use std::sync::Arc;

use crate::account::{Account, Identity};
use crate::attack::Attack;
use crate::calendar::{HOUR, MINUTE, Today};
use crate::catalog::{Catalog, Team, View};
use crate::dice::{Dice, Stream};
use crate::event::{Event, LoginKind};
use crate::ids;
use crate::location::OFFICES;
use crate::plan::Scenario;
use crate::script::Script;
use crate::workday::{Login, Workday};
use crate::world::World;

/// Index of Emma's account.
pub(crate) const EMMA: u32 = 3;

/// Her usual views, with the rows that they show her.
const USUAL: [(&str, f64); 3] = [("MyAccounts", 4.0), ("My_Contacts", 5.0), ("MyOpportunities", 25.0)];

/// The burst on her last afternoon: seconds after 14:31:52, view, rows.
const BURST: [(f64, &str, f64); 11] = [
    (0.867, "AllContacts", 250.0),
    (0.867, "AllContacts", 250.0),
    (0.872, "ClosingThisMonth", 22.0),
    (0.875, "AllContacts", 250.0),
    (0.875, "AllContacts", 250.0),
    (1.009, "All_Opportunities", 250.0),
    (1.034, "All_Enterprise_Accounts", 250.0),
    (1.100, "All_Enterprise_Accounts", 250.0),
    (1.100, "All_Enterprise_Accounts", 250.0),
    (1.962, "All_Cases", 250.0),
    (58.967, "All_Enterprise_Accounts", 250.0),
];

/// The views after the burst: minutes after 14:31, view, rows.
const SEQUEL: [(i64, &str, f64); 10] = [
    (39, "AllContacts", 250.0),
    (44, "All_Assets", 250.0),
    (46, "All_WorkOrders", 250.0),
    (49, "All_Entitlements", 250.0),
    (63, "AllContacts", 250.0),
    (85, "AllContacts", 250.0),
    (109, "AllContacts", 250.0),
    (120, "AllContacts", 250.0),
    (137, "AllContacts", 250.0),
    (162, "All_Opportunities", 18.0),
];

/// Gives the account to Emma: a sales person in London with a Mac and without episodes.
pub(crate) fn assign(account: &mut Account, key: u64, catalog: &Catalog) {
    let Some(org_id) = account.identity().map(|identity| identity.org_id.clone()) else { return };
    let identity = Identity {
        org_id,
        user_id: ids::salesforce_id("005", 4_444_444),
        username: "emma.martin@lumenworks.example".to_owned(),
        profile_id: Team::Sales.profile_id(),
        role_id: Team::Sales.role_id(),
        user_type: "Standard",
    };
    account.reassign(key, catalog, Arc::new(identity), &OFFICES[2]);
}

/// Appends the events of one of her ordinary days: page loads of her own records.
pub(crate) fn ordinary_day(world: &World, account: &Account, today: Today, out: &mut Vec<Event>) {
    let Some(persona) = account.persona(today.index) else { return };
    if today.is_weekend() {
        return;
    }
    let dice = Dice::new(world.key, Stream::Behavior, account.index, today.index);
    let workday = Workday::new(world, account, today);
    let mut script = Script { dice, identity: persona.identity.clone(), out };
    for Login { at, session, .. } in &workday.logins {
        script.login(*at, session, "Success", LoginKind::Application);
    }
    for load in 0..script.dice.whole(1, 2) {
        let at = if load == 0 { workday.start + 90_000 } else { workday.moment(&mut script.dice) };
        let session = workday.session(at).clone();
        let mut moment = at;
        for _ in 0..script.dice.whole(3, 11) {
            let Some(&(name, rows)) = script.dice.pick(&USUAL) else { return };
            if let Some(view) = named_view(world, name) {
                script.list_view(moment, &session, &view, rows);
            }
            moment += i64::from(script.dice.whole(0, 3));
        }
    }
    for _ in 0..script.dice.whole(3, 9) {
        let at = workday.moment(&mut script.dice);
        let session = workday.session(at).clone();
        let object = script.dice.pick(&["Account", "Contact", "Opportunity"]).copied().unwrap_or("Account");
        script.open_record(at, &session, object);
    }
    if script.dice.chance(0.5)
        && let Some(report) = persona.reports.first()
    {
        let at = workday.moment(&mut script.dice);
        let session = workday.session(at).clone();
        script.report(at, &session, report, "ReportRunFromLightning", report.rows.min(120.0));
    }
}

/// Returns the attack of her last afternoon, if the plan has this scenario.
pub(crate) fn attack(world: &World) -> Option<Attack> {
    if world.plan.scenario != Scenario::Leaver {
        return None;
    }
    let today = *world.calendar.iter().rev().find(|today| !today.is_weekend())?;
    let account = world.account(EMMA)?;
    let persona = account.persona(today.index)?;
    let workday = Workday::new(world, account, today);
    let mut events = Vec::new();
    let dice = Dice::new(world.key, Stream::Attack, EMMA, today.index);
    let mut script = Script { dice, identity: persona.identity.clone(), out: &mut events };
    let start = today.midnight + 14 * HOUR + 31 * MINUTE;
    let session = workday.session(start).clone();
    let burst = BURST.iter().map(|(seconds, name, rows)| (start + 52_000 + (seconds * 1_000.0) as i64, *name, *rows));
    let sequel = SEQUEL.iter().map(|(minutes, name, rows)| (start + minutes * MINUTE, *name, *rows));
    for (at, name, rows) in burst.chain(sequel) {
        if let Some(view) = named_view(world, name) {
            script.list_view(at, &session, &view, rows);
        }
    }
    let unknown = world.catalog.of_team(Team::Sales).reports.iter();
    let unknown = unknown.filter(|report| persona.reports.iter().all(|known| known.id != report.id));
    for (number, report) in (0..).zip(unknown.take(2)) {
        let at = start + (48 + 26 * number) * MINUTE + 17_000;
        script.report(at, &session, report, "ReportExported", report.rows.max(1_800.0));
    }
    events.sort_by_key(|event| event.at);
    let note = "leaves for a competitor: broad views of accounts, contacts, opportunities and, for the first time, cases; two report exports";
    Some(Attack {
        family: "leaver",
        note: note.to_owned(),
        identity: persona.identity.clone(),
        events,
        detections: Vec::new(),
    })
}

/// Returns the view with this name, of the teams whose views she opens.
fn named_view(world: &World, name: &str) -> Option<Arc<View>> {
    let teams = [Team::Sales, Team::Service].map(|team| world.catalog.of_team(team));
    let mut views = teams.into_iter().flat_map(|team_catalog| &team_catalog.views);
    views.find(|view| view.developer_name == name).cloned()
}
