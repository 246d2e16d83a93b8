//! Attacks: chooses account, day and size. Each family is one function of a submodule.

mod insider;
mod machine;
mod reader;
mod sabotage;
mod scene;
mod sleeper;
mod takeover;
mod token;

use std::sync::Arc;

use scene::Scene;

use crate::account::{Account, Class, Identity};
use crate::behavior;
use crate::calendar::Today;
use crate::dice::{Dice, Stream};
use crate::event::Event;
use crate::labels::{Label, rfc3339};
use crate::mechanism::WorldKind;
use crate::mechanism::people::tenure;
use crate::plan::{Attacks, SimulationError, Writes};
use crate::world::World;

/// One attack.
pub(crate) struct Attack {
    pub(crate) family: &'static str,
    pub(crate) note: String,
    pub(crate) identity: Arc<Identity>,
    /// Malicious events, by time. The label covers exactly these.
    pub(crate) events: Vec<Event>,
    /// Events of Salesforce's Threat Detection, hours later.
    pub(crate) detections: Vec<Event>,
}

/// A family of attacks.
struct Family {
    name: &'static str,
    when: When,
    /// Returns whether the account can be attacked or attack.
    suits: fn(&World, &Account) -> bool,
    /// Appends the events of the attack.
    act: fn(&mut Scene<'_>),
}

/// When a family's attacks begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// While the account works.
    Working,
    /// On a day on which the account works; at any moment, except in the standard world.
    Anytime,
    /// At any moment of a day at least a week after the account was last used.
    Asleep,
}

impl Family {
    const fn new(
        name: &'static str,
        when: When,
        suits: fn(&World, &Account) -> bool,
        act: fn(&mut Scene<'_>),
    ) -> Family {
        Family { name, when, suits, act }
    }
}

/// The families of every world. Those with the fewest suitable accounts come first, since they choose first.
static FAMILIES: [Family; 12] = [
    Family::new("integration_abuse", When::Working, is_integration, machine::integration_abuse),
    Family::new("leaver", When::Working, is_employee, insider::leaver),
    Family::new("report_export", When::Working, is_employee, insider::report_export),
    Family::new("slow_drip", When::Working, is_employee, insider::slow_drip),
    Family::new("scope_creep", When::Working, |_, account| account.class == Class::Normal, insider::scope_creep),
    Family::new("off_hours_theft", When::Working, is_employee, insider::off_hours_theft),
    Family::new("bulk_export", When::Working, is_person, insider::bulk_export),
    Family::new("api_exfiltration", When::Anytime, is_no_system, machine::api_exfiltration),
    Family::new("api_recon", When::Anytime, is_no_system, machine::api_recon),
    Family::new("session_hijack", When::Working, is_person, takeover::session_hijack),
    Family::new("credential_stuffing", When::Anytime, is_person, takeover::credential_stuffing),
    Family::new("login_as_export", When::Working, is_employee, takeover::login_as_export),
];

/// The families of orgs that write. They choose before the others: few accounts write every night.
static WRITING: [Family; 3] = [
    Family::new("theft_under_writes", When::Working, is_integration, sabotage::theft_under_writes),
    Family::new("mass_deletion", When::Anytime, is_no_system, sabotage::mass_deletion),
    Family::new("mass_change", When::Working, is_person, sabotage::mass_change),
];

/// The families of all worlds but the standard one, after public incident reports. They choose first of all.
static REPORTED: [Family; 10] = [
    Family::new("guest_enumeration", When::Anytime, |_, account| account.is_guest(), reader::guest_enumeration),
    Family::new("departed_account", When::Asleep, |world, account| tenure(world, account).departed, sleeper::departed),
    Family::new("dormant_account", When::Asleep, |world, account| !tenure(world, account).departed, sleeper::dormant),
    Family::new("token_theft", When::Anytime, is_integration, token::token_theft),
    Family::new("integration_by_hand", When::Working, is_integration, token::integration_by_hand),
    Family::new("admin_snooping", When::Working, |_, account| account.class == Class::Admin, reader::admin_snooping),
    Family::new("cloned_app", When::Anytime, is_person, token::cloned_app),
    Family::new("domestic_session_theft", When::Anytime, is_person, sleeper::domestic_session_theft),
    Family::new("insider_weeks", When::Working, is_employee, reader::insider_weeks),
    Family::new("page_scraping", When::Anytime, is_person, reader::page_scraping),
];

/// Returns the names of the attack families of an org.
pub fn families(world: WorldKind, writes: Writes) -> Vec<&'static str> {
    families_of(world, writes).map(|(_, family)| family.name).collect()
}

/// Returns the families in the order in which they choose accounts, each with the number of its random streams.
fn families_of(world: WorldKind, writes: Writes) -> impl Iterator<Item = (u32, &'static Family)> {
    let differs = world != WorldKind::Standard;
    let reported = if differs { REPORTED.len() } else { 0 };
    let writing = if differs || writes != Writes::None { WRITING.len() } else { 0 };
    let first_writing = FAMILIES.len() as u32;
    let first_reported = first_writing + WRITING.len() as u32;
    let reported = (first_reported..).zip(&REPORTED).take(reported);
    reported.chain((first_writing..).zip(&WRITING).take(writing)).chain((0..).zip(&FAMILIES))
}

fn is_integration(_: &World, account: &Account) -> bool {
    account.class == Class::Integration
}

fn is_person(_: &World, account: &Account) -> bool {
    account.class.is_person()
}

fn is_no_system(_: &World, account: &Account) -> bool {
    account.class != Class::System
}

fn is_employee(_: &World, account: &Account) -> bool {
    matches!(account.class, Class::Normal | Class::Power)
}

impl Attack {
    /// Returns the label; `None` if there are no events.
    pub(crate) fn label(&self, number: usize) -> Option<Label> {
        let (first, last) = (self.events.first()?, self.events.last()?);
        Some(Label {
            label_id: format!("{}-{number:03}", self.family),
            family: self.family.to_owned(),
            user_id: self.identity.user_id.clone(),
            username: self.identity.username.clone(),
            from: rfc3339(first.at),
            to: rfc3339(last.at),
            note: self.note.clone(),
        })
    }
}

/// Returns all attacks of the plan, each on an account of its own.
pub(crate) fn all(world: &World) -> Result<Vec<Attack>, SimulationError> {
    let (per_family, exact) = match world.plan.attacks {
        Attacks::None => return Ok(Vec::new()),
        // Other worlds have twice as many families.
        Attacks::Standard if world.has_mechanisms() => ((world.plan.users / 120).clamp(1, 5), false),
        Attacks::Standard => ((world.plan.users / 60).clamp(1, 5), false),
        Attacks::PerFamily(count) => (count, true),
    };
    let mut used = vec![false; world.accounts.len()];
    let mut attacks = Vec::new();
    for (number, family) in families_of(world.plan.world, world.plan.writes) {
        for nth in 0..per_family {
            let mut dice = Dice::numbered(world.key, Stream::Attack, 10 + number, nth, 0);
            // Sizes are spread evenly, so that a part of each family is hard.
            let size = (f64::from(nth) + dice.unit()) / f64::from(per_family);
            match carry_out(world, family, &mut used, &mut dice, size) {
                Some(attack) => attacks.push(attack),
                None if exact => {
                    return Err(SimulationError::TooFewAccounts {
                        family: family.name,
                        wanted: per_family,
                        found: nth,
                    });
                }
                None => break,
            }
        }
    }
    Ok(attacks)
}

/// Chooses an account and a day for an attack, and generates its events.
fn carry_out(world: &World, family: &Family, used: &mut [bool], dice: &mut Dice, size: f64) -> Option<Attack> {
    let accounts = world.accounts.len();
    let start = dice.whole(0, accounts as u32) as usize;
    let last = world.plan.days.saturating_sub(2);
    let first = window(world);
    for account in world.accounts.iter().cycle().skip(start).take(accounts) {
        let taken = used.get_mut(account.index as usize)?;
        if *taken || !(family.suits)(world, account) || world.is_scripted(account.index) {
            continue;
        }
        let day = dice.whole(first.min(last), last);
        let Some(mut scene) = Scene::open(world, account, day, family.when, size, dice) else { continue };
        (family.act)(&mut scene);
        let attack = scene.finish(family.name);
        if attack.events.is_empty() {
            continue;
        }
        *taken = true;
        return Some(attack);
    }
    None
}

/// Returns the first day of attacks, at which the last fifth of the plan begins.
fn window(world: &World) -> u32 {
    world.plan.days - world.plan.days / 5
}

/// Returns an account's ordinary events of one day, by time.
fn ordinary(world: &World, account: &Account, today: Today) -> Vec<Event> {
    let mut events = Vec::new();
    behavior::day(world, account, today, &mut events);
    events.sort_by_key(|event| event.at);
    events
}
