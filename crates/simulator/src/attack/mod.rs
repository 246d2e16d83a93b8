//! Attacks: chooses account, day and size. Each family is one function of a submodule.

mod insider;
mod machine;
mod sabotage;
mod scene;
mod takeover;

use std::sync::Arc;

use scene::Scene;

use crate::account::{Account, Class, Identity};
use crate::behavior;
use crate::calendar::Today;
use crate::dice::{Dice, Stream};
use crate::event::Event;
use crate::labels::{Label, rfc3339};
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
    /// Returns whether accounts of this class can be attacked or attack.
    suits: fn(Class) -> bool,
    /// Appends the events of the attack.
    act: fn(&mut Scene<'_>),
}

/// All families. Those with the fewest suitable accounts come first, since they choose first.
static FAMILIES: [Family; 12] = [
    Family { name: "integration_abuse", suits: |class| class == Class::Integration, act: machine::integration_abuse },
    Family { name: "leaver", suits: is_employee, act: insider::leaver },
    Family { name: "report_export", suits: is_employee, act: insider::report_export },
    Family { name: "slow_drip", suits: is_employee, act: insider::slow_drip },
    Family { name: "scope_creep", suits: |class| class == Class::Normal, act: insider::scope_creep },
    Family { name: "off_hours_theft", suits: is_employee, act: insider::off_hours_theft },
    Family { name: "bulk_export", suits: Class::is_person, act: insider::bulk_export },
    Family { name: "api_exfiltration", suits: |class| class != Class::System, act: machine::api_exfiltration },
    Family { name: "api_recon", suits: |class| class != Class::System, act: machine::api_recon },
    Family { name: "session_hijack", suits: Class::is_person, act: takeover::session_hijack },
    Family { name: "credential_stuffing", suits: Class::is_person, act: takeover::credential_stuffing },
    Family { name: "login_as_export", suits: is_employee, act: takeover::login_as_export },
];

/// The families of orgs that write. They choose before the others: few accounts write every night.
static WRITING: [Family; 3] = [
    Family {
        name: "theft_under_writes",
        suits: |class| class == Class::Integration,
        act: sabotage::theft_under_writes,
    },
    Family { name: "mass_deletion", suits: |class| class != Class::System, act: sabotage::mass_deletion },
    Family { name: "mass_change", suits: Class::is_person, act: sabotage::mass_change },
];

/// Returns the names of the attack families of orgs that write so.
pub fn families(writes: Writes) -> Vec<&'static str> {
    families_of(writes).map(|(_, family)| family.name).collect()
}

/// Returns the families in the order in which they choose accounts, each with the number of its random streams.
fn families_of(writes: Writes) -> impl Iterator<Item = (u32, &'static Family)> {
    let count = if writes == Writes::None { 0 } else { WRITING.len() };
    let writing = (FAMILIES.len() as u32..).zip(&WRITING).take(count);
    writing.chain((0..).zip(&FAMILIES))
}

fn is_employee(class: Class) -> bool {
    matches!(class, Class::Normal | Class::Power)
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
        Attacks::Standard => ((world.plan.users / 60).clamp(1, 5), false),
        Attacks::PerFamily(count) => (count, true),
    };
    let mut used = vec![false; world.accounts.len()];
    let mut attacks = Vec::new();
    for (number, family) in families_of(world.plan.writes) {
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
        if *taken || !(family.suits)(account.class) || world.is_scripted(account.index) {
            continue;
        }
        let day = dice.whole(first.min(last), last);
        let Some(mut scene) = Scene::open(world, account, day, size, dice) else { continue };
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
