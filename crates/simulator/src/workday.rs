//! The frame of an account's day: hours, logins, sessions, network and client.

use std::sync::Arc;

use crate::account::{Account, Class};
use crate::calendar::{HOUR, MINUTE, Today};
use crate::dice::{Dice, Stream};
use crate::episode::EpisodeKind;
use crate::event::Session;
use crate::ids;
use crate::location;
use crate::location::{ABROAD, Browser, Client, Location, OFFICES, System, browser, home_ip, mobile_ip};
use crate::mechanism::{network, people, program, season};
use crate::world::World;

/// The hours, logins and sessions of an account on a day.
pub(crate) struct Workday {
    /// Start of work, in milliseconds since 1970.
    pub(crate) start: i64,
    /// End of work, in milliseconds since 1970.
    pub(crate) end: i64,
    pub(crate) logins: Vec<Login>,
    /// The session from the start.
    pub(crate) first: Arc<Session>,
    /// Later sessions, each with the time from which it is used.
    pub(crate) later: Vec<(i64, Arc<Session>)>,
    pub(crate) logs_out: bool,
}

/// A login.
pub(crate) struct Login {
    pub(crate) at: i64,
    /// Failed attempts just before it.
    pub(crate) typos: u32,
    pub(crate) session: Arc<Session>,
}

impl Workday {
    pub(crate) fn new(world: &World, account: &Account, today: Today) -> Workday {
        let mut dice = Dice::new(world.key, Stream::Workday, account.index, today.index);
        if account.class.is_person() {
            person(world, &mut dice, account, today)
        } else {
            machine(world, &mut dice, account, today)
        }
    }

    /// Returns the session in use at a time.
    pub(crate) fn session(&self, at: i64) -> &Arc<Session> {
        self.later.iter().rev().find(|(from, _)| *from <= at).map_or(&self.first, |(_, session)| session)
    }

    /// Draws a time within the working hours, rarely at lunch.
    pub(crate) fn moment(&self, dice: &mut Dice) -> i64 {
        let length = (self.end - self.start) as f64;
        let share = dice.unit();
        let lunch = (0.45..0.55).contains(&share) && dice.chance(0.7);
        let share = if lunch { dice.between(0.05, 0.45) } else { share };
        self.start + 2 * MINUTE + (length * share) as i64
    }
}

/// Creates a session.
pub(crate) fn session(dice: &mut Dice, ip: String, location: &'static Location, client: Client) -> Session {
    Session {
        session_key: ids::key(dice.word(), 16),
        login_key: ids::key(dice.word(), 16),
        login_history_id: ids::salesforce_id("0Ya", dice.word() >> 16),
        ip,
        location,
        client,
        level: if dice.chance(0.15) { "HIGH_ASSURANCE" } else { "STANDARD" },
    }
}

/// Returns the browser of an account on a day.
pub(crate) fn usual_client(account: &Account, day: u32) -> Client {
    let (name, system) = match (account.in_episode(EpisodeKind::NewLaptop, day), account.system) {
        (true, System::Windows) => (Browser::Safari, System::Mac),
        (true, System::Mac) => (Browser::Edge, System::Windows),
        (false, system) => (account.browser, system),
    };
    browser(name, system, day, account.index)
}

fn person(world: &World, dice: &mut Dice, account: &Account, today: Today) -> Workday {
    let shift = people::shift_hours(world, account, today);
    let weekend = today.is_weekend() && shift.is_none();
    let hour =
        if weekend { dice.between(9.5, 15.0) } else { account.start_hour + dice.normal().clamp(-2.0, 2.0) * 0.35 };
    let hours =
        if weekend { dice.between(0.7, 4.0) } else { account.work_hours + dice.normal().clamp(-2.0, 2.0) * 0.5 };
    let hour = hour + shift.unwrap_or(0.0);
    let start = season::local_midnight(world, account.location, today) + (hour * HOUR as f64) as i64;
    // An early shift in the east does not begin on the day before in UTC.
    let start = if shift.is_some() { start.max(today.midnight + HOUR) } else { start };
    let end = start + (hours * HOUR as f64) as i64;

    let user = u64::from(account.index);
    let travels = account.in_episode(EpisodeKind::Travel, today.index);
    let (location, ip) = match travels {
        true => {
            let trip = account
                .episodes
                .iter()
                .find(|episode| episode.kind == EpisodeKind::Travel && episode.last >= today.index);
            let number = user * 31 + trip.map_or(0, |episode| u64::from(episode.first));
            let location = ABROAD.get((number % 5) as usize).unwrap_or(account.location);
            (location, location.rented_ip(number))
        }
        false if !weekend && dice.chance(account.office_share) => (account.location, account.location.office_ip(user)),
        false => (account.location, home_ip(user)),
    };
    let client = usual_client(account, today.index);
    let first = Arc::new(session(dice, ip.clone(), location, client.clone()));
    let typos = if account.in_episode(EpisodeKind::PasswordTypo, today.index) { dice.whole(1, 3) } else { 0 };
    let mut logins = vec![Login { at: start, typos, session: first.clone() }];
    let mut later = Vec::new();
    let mut latest = first.clone();
    if dice.chance(0.35) {
        let at = start + ((end - start) as f64 * dice.between(0.5, 0.65)) as i64;
        latest = Arc::new(session(dice, ip.clone(), location, client));
        logins.push(Login { at, typos: 0, session: latest.clone() });
        later.push((at, latest.clone()));
    }
    if account.in_episode(EpisodeKind::NetworkSwitch, today.index) {
        let from = start + ((end - start) as f64 * dice.between(0.66, 0.8)) as i64;
        let other = if dice.chance(0.6) { mobile_ip(user, dice.word()) } else { home_ip(user + 7_000_000) };
        later.push((from, Arc::new(Session { ip: other, ..Session::clone(&latest) })));
        later.push((from + i64::from(dice.whole(20, 70)) * MINUTE, latest));
    }
    let mut workday = Workday { start, end, logins, first, later, logs_out: dice.chance(0.3) };
    network::rework(world, account, today, &mut workday);
    workday
}

fn machine(world: &World, dice: &mut Dice, account: &Account, today: Today) -> Workday {
    const PROGRAMS: [&str; 5] = [
        "Apache-HttpClient/4.5.14 (Java/17.0.9)",
        "MuleSoft/4.6 AHC/1.0",
        "python-requests/2.31.0",
        "Jitterbit/11.36",
        "axios/1.7.2",
    ];
    let user = u64::from(account.index);
    let agent = PROGRAMS.get(account.index as usize % PROGRAMS.len()).copied().unwrap_or("Unknown");
    let location = OFFICES.get(account.index as usize % 2).unwrap_or(account.location);
    let ip =
        if account.class == Class::System { location.office_ip(3) } else { format!("198.18.240.{}", 10 + user % 200) };
    let first = Arc::new(session(dice, ip, location, location::program(&program::agent(world, account, today, agent))));
    let login = Login { at: today.midnight + i64::from(dice.whole(1, 20_000)), typos: 0, session: first.clone() };
    Workday {
        start: today.midnight,
        end: today.midnight + 24 * HOUR,
        logins: vec![login],
        first,
        later: Vec::new(),
        logs_out: false,
    }
}
