//! Networks: phones, VPN, IPv6, dual stack, travel, and several people on one login.

use std::sync::Arc;

use super::Mechanism;
use crate::account::Account;
use crate::calendar::{MINUTE, Today};
use crate::dice::{Dice, mix};
use crate::event::Session;
use crate::location::{ABROAD, Browser, Client, System, browser, home_ip};
use crate::workday::{Login, Workday, session};
use crate::world::World;

/// Addresses of the VPN that everybody shares. A choice.
const VPN_POOL: u32 = 12;

/// Changes the sessions of a person's day as the world's networks do.
pub(crate) fn rework(world: &World, account: &Account, today: Today, workday: &mut Workday) {
    if !world.has_mechanisms() {
        return;
    }
    let user = account.index;
    let roams = world.strength(Mechanism::Roaming);
    if roams > 0.0 && world.dice(Mechanism::Roaming, user, today.index).chance(roams) {
        let mut dice = world.dice(Mechanism::Roaming, user, today.index + 1_000_000);
        let abroad = dice.chance(0.3);
        let location = dice.pick(&ABROAD).filter(|_| abroad).unwrap_or(account.location);
        let ip = if abroad { location.rented_ip(dice.word()) } else { home_ip(dice.word()) };
        replace(workday, |old| Session { ip: ip.clone(), location, ..old.clone() });
    }
    if world.affects(Mechanism::Ipv6, user) {
        let home = home_ip(u64::from(user));
        let own = private_ipv6(u64::from(user), today.index);
        replace(workday, |old| Session {
            ip: if old.ip == home { own.clone() } else { old.ip.clone() },
            ..old.clone()
        });
    }
    if world.affects(Mechanism::Vpn, user) {
        let mut dice = world.dice(Mechanism::Vpn, user, today.index);
        if dice.chance(0.75) {
            replace(workday, |old| Session { ip: vpn_ip(&mut dice), ..old.clone() });
        }
    }
    if world.affects(Mechanism::DualStack, user) {
        dual_stack(world, account, today, workday);
    }
    if world.affects(Mechanism::Phones, user) {
        phones(world, account, today, workday);
    }
    if world.affects(Mechanism::Shared, user) {
        share(world, account, today, workday);
    }
}

/// Returns an address at home: the provider's prefix is fixed, the suffix changes every day (RFC 8981).
fn private_ipv6(user: u64, day: u32) -> String {
    let (prefix, suffix) = (mix(user ^ 0x6060), mix(user << 32 | u64::from(day)));
    format!(
        "2001:db8:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}",
        prefix >> 48,
        prefix >> 32 & 0xffff,
        suffix >> 48,
        suffix >> 32 & 0xffff,
        suffix >> 16 & 0xffff,
        suffix & 0xffff
    )
}

fn vpn_ip(dice: &mut Dice) -> String {
    format!("198.18.230.{}", 10 + dice.whole(0, VPN_POOL - 1))
}

/// Returns an address in the pool of one of three carriers (RFC 6598).
fn pool_ip(carrier: u32, dice: &mut Dice) -> String {
    format!("100.{}.{}.{}", 64 + carrier % 3 * 16 + dice.whole(0, 15), dice.whole(0, 255), dice.whole(1, 254))
}

/// Replaces every session of the day.
fn replace(workday: &mut Workday, mut change: impl FnMut(&Session) -> Session) {
    let mut sessions: Vec<&mut Arc<Session>> = vec![&mut workday.first];
    sessions.extend(workday.later.iter_mut().map(|(_, session)| session));
    sessions.extend(workday.logins.iter_mut().map(|login| &mut login.session));
    let mut known: Vec<(Arc<Session>, Arc<Session>)> = Vec::new();
    for slot in sessions {
        let found = known.iter().find(|(old, _)| Arc::ptr_eq(old, slot)).map(|(_, new)| new.clone());
        let new = found.unwrap_or_else(|| Arc::new(change(slot)));
        known.push((slot.clone(), new.clone()));
        *slot = new;
    }
}

/// Lets sessions alternate between their address and an IPv6 address, every few minutes to an hour.
fn dual_stack(world: &World, account: &Account, today: Today, workday: &mut Workday) {
    let mut dice = world.dice(Mechanism::DualStack, account.index, today.index);
    let other = private_ipv6(u64::from(account.index) + 5_000_000, today.index);
    let mut at = workday.start;
    let mut switches = Vec::new();
    while at < workday.end {
        at += i64::from(dice.whole(4, 60)) * MINUTE;
        let plain = workday.session(at).clone();
        switches.push((at, Arc::new(Session { ip: other.clone(), ..Session::clone(&plain) })));
        at += i64::from(dice.whole(4, 60)) * MINUTE;
        switches.push((at, workday.session(at).clone()));
    }
    add(workday, switches);
}

/// Adds one to four uses of a phone a day, each with another address. The session of the phone lasts two weeks.
fn phones(world: &World, account: &Account, today: Today, workday: &mut Workday) {
    let mut dice = world.dice(Mechanism::Phones, account.index, today.index);
    let mut fortnight = world.dice(Mechanism::Phones, account.index, 1_000_000 + today.index / 14);
    let phone = session(&mut fortnight, String::new(), account.location, mobile_client(account));
    let mut switches = Vec::new();
    for _ in 0..dice.whole(1, 4) {
        let from = workday.moment(&mut dice);
        let until = from + i64::from(dice.whole(5, 40)) * MINUTE;
        switches.push((from, Arc::new(Session { ip: pool_ip(account.index, &mut dice), ..phone.clone() })));
        switches.push((until, workday.session(until).clone()));
    }
    add(workday, switches);
}

/// Lets two to four people take turns on the account, each with a browser, a network and a session.
fn share(world: &World, account: &Account, today: Today, workday: &mut Workday) {
    let mut dice = world.dice(Mechanism::Shared, account.index, today.index);
    let people = world.dice(Mechanism::Shared, account.index, 1_000_000).whole(2, 4);
    let mut sessions = vec![workday.first.clone()];
    for person in 1..people {
        let number = account.index.wrapping_add(person * 9_001);
        let name = if person.is_multiple_of(2) { Browser::Edge } else { Browser::Chrome };
        let system = if person.is_multiple_of(3) { System::Mac } else { System::Windows };
        let ip = if person == 1 { account.location.office_ip(u64::from(number)) } else { home_ip(u64::from(number)) };
        let own = session(&mut dice, ip, account.location, browser(name, system, today.index, number));
        let own = Arc::new(own);
        let at = workday.start + i64::from(dice.whole(1, 90)) * MINUTE;
        workday.logins.push(Login { at, typos: 0, session: own.clone() });
        sessions.push(own);
    }
    let mut at = workday.start + 91 * MINUTE;
    let mut switches = Vec::new();
    while at < workday.end {
        if let Some(next) = dice.pick(&sessions) {
            switches.push((at, next.clone()));
        }
        at += i64::from(dice.whole(5, 70)) * MINUTE;
    }
    add(workday, switches);
}

/// Adds changes of the session, each with its time.
fn add(workday: &mut Workday, switches: Vec<(i64, Arc<Session>)>) {
    workday.later.extend(switches);
    workday.later.sort_by_key(|(from, _)| *from);
}

fn mobile_client(account: &Account) -> Client {
    let (agent, name, platform) = if account.index.is_multiple_of(2) {
        ("SalesforceMobileSDK/12.1.0 iOS/18.2 (iPhone) Salesforce1/260.0", "Salesforce iOS", "iPhone")
    } else {
        ("SalesforceMobileSDK/12.1.0 android mobile/15 (Pixel 8) Salesforce1/260.0", "Salesforce Android", "Android 15")
    };
    Client { user_agent: agent.to_owned(), browser: name.to_owned(), platform }
}
