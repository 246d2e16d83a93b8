//! The class of an account, from how it behaves.

use super::{Basis, Belief, Profile};
use model::{Timestamp, UserClass};
use statrs::function::beta::checked_ln_beta;

/// Active days before an account is classified; until then it is normal. A choice: one working week.
const LEAST_DAYS: f64 = 5.0;
/// Log-odds of what is certain, such as a license or a right. A choice: far beyond what habits add up to.
const CERTAIN: f64 = 12.0;
/// How many times more probable than its present class another one must be for an account to change its class. A choice:
/// an account between two classes does not flap.
const HYSTERESIS: f64 = 2.0;

/// What an account is compared with, besides its own profile.
pub(crate) struct Candidates {
    /// Decayed days on which the account worked as other users, by LoginAs.
    pub(crate) delegated_days: f32,
    /// How much more than the org's people it consumes, see [`OrgWork`](crate::org::work::OrgWork); `None` if unknown.
    pub(crate) consumption: Option<f64>,
}

/// Returns the class of an account, how probable it is, and what decided it.
///
/// The classes are those of the founding article: normal users keep business hours and rarely work on weekends; power
/// users consume more than they; administrators change the org; integrations run around the clock through the API.
/// Programs that act through pages are integrations if they keep a program's hours. A login that several people share has
/// the class of what they do: it is compared with those who do the same, and its own baseline knows its networks and
/// clients.
///
/// Each question is answered by adding log-odds (naive Bayes): is it a guest, a program, an administrator, a power user?
/// Each probability is that of the remainder.
pub(crate) fn classify(profile: &Profile, compared: &Candidates) -> (UserClass, Belief) {
    let work = &profile.signals.work;
    let guest = guest(profile);
    if guest.0 > 0.0 {
        return (UserClass::Guest, belief(logistic(guest.0), guest.1));
    }
    // Nothing is left of a class by hand that no longer holds.
    let was_decided = work.belief.basis == Basis::Decided;
    if !has_habits(profile) {
        return (if was_decided { UserClass::Normal } else { profile.class }, Belief::default());
    }
    let (machine, administrator) = (machine(profile), administrator(profile, compared.delegated_days));
    let power = compared.consumption.map_or(-CERTAIN, power);
    let of_machine = logistic(machine.0);
    let of_admin = (1.0 - of_machine) * logistic(administrator.0);
    let rest = 1.0 - of_machine - of_admin;
    let of_power = rest * logistic(power);
    let classes = [
        (UserClass::Normal, rest - of_power, Basis::Consumption),
        (UserClass::Power, of_power, Basis::Consumption),
        (UserClass::Admin, of_admin, administrator.1),
        (UserClass::Integration, of_machine, machine.1),
    ];
    let [first, ..] = classes;
    let best = classes.into_iter().fold(first, |best, other| if other.1 > best.1 { other } else { best });
    let present = classes.into_iter().find(|(class, ..)| *class == profile.class);
    let was_classified = work.belief.probability > 0.0 && !was_decided;
    let (class, probability, basis) = match present {
        Some(present) if was_classified && best.1 < HYSTERESIS * present.1 => present,
        _ => best,
    };
    (class, belief(probability, basis))
}

/// Whether an account has enough days to be classified by its habits.
pub(crate) fn has_habits(profile: &Profile) -> bool {
    profile.days >= LEAST_DAYS && f64::from(profile.signals.work.days) >= LEAST_DAYS * 0.9
}

fn belief(probability: f64, basis: Basis) -> Belief {
    Belief { probability: probability as f32, basis }
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Returns the log-odds that the account is a site's guest user. Not all events carry the license; the guest users that
/// Salesforce creates never log in.
fn guest(profile: &Profile) -> (f64, Basis) {
    let never_logs_in = profile.failures.last == Timestamp::default();
    if profile.is_guest {
        (CERTAIN, Basis::License)
    } else if never_logs_in && profile.days >= LEAST_DAYS && has_word(profile, &["guest"]) {
        (3.0, Basis::Name)
    } else {
        (-CERTAIN, Basis::License)
    }
}

/// Returns the log-odds that the account is a program's. All weights are choices: two strong signs outweigh the prior, one
/// does not.
fn machine(profile: &Profile) -> (f64, Basis) {
    /// Share of requests through the API from which on an account may be a machine.
    const API_SHARE: f64 = 0.9;
    /// Hours with activity on an average working day from which on they are a machine's: more than a person works.
    const MACHINE_HOURS: f64 = 14.0;
    /// Hours on weekend days, as a share of those on working days, from which on they are a machine's.
    const WEEKEND_SHARE: f64 = 0.5;
    /// Words in usernames that people give to programs' accounts.
    const WORDS: [&str; 8] =
        ["integration", "integrations", "integrationuser", "api", "apiuser", "svc", "etl", "autoproc"];
    if profile.signals.work.is_automated {
        return (CERTAIN, Basis::License);
    }
    let requests = profile.api_requests + profile.page_requests;
    let hours = profile.rhythm.hours_a_day(false);
    let log_odds = [
        (-4.0, true),
        (3.0, profile.api_requests > API_SHARE * requests),
        (3.0, hours >= MACHINE_HOURS),
        (2.5, profile.rhythm.hours_a_day(true) >= WEEKEND_SHARE * hours.max(1.0)),
        (1.5, has_word(profile, &WORDS)),
    ];
    (log_odds.iter().filter(|(_, holds)| *holds).map(|(weight, _)| weight).sum(), Basis::Machine)
}

/// Returns the log-odds that the account is an administrator's, and the largest reason.
///
/// Of n active days, k have an act of administration: the likelihoods of k are beta-binomial (Gelman et al., Bayesian Data
/// Analysis, 3rd edition, section 2.4). Each rate of administrators is spread around one day in 20, and every second
/// administrator never does such an act; those of others are far less. All are choices. Thus a change on one day of some
/// weeks is hardly evidence, as a temporary right explains it, and two days are.
fn administrator(profile: &Profile, delegated_days: f32) -> (f64, Basis) {
    /// One account in twenty.
    const PRIOR: f64 = -2.94;
    const ADMINISTRATORS: (f64, f64) = (0.5, 10.0);
    /// Beta of the days of others with a change: one in 2,000.
    const CHANGES: (f64, f64) = (0.5, 1_000.0);
    /// Beta of the days of others with work as another user: one in 10,000, because it takes a right.
    const DELEGATION: (f64, f64) = (0.5, 5_000.0);
    /// Beta of the days of others with a look at objects of administration.
    const LOOKS: (f64, f64) = (0.5, 50.0);
    /// Most log-odds from looks: by themselves they make nobody an administrator.
    const MOST_LOOKS: f64 = 2.0;
    /// Log-odds if the account is known to have no right to administer.
    const NO_RIGHT: f64 = -2.0;
    let work = &profile.signals.work;
    let evidence = |days: f32, others: (f64, f64)| {
        let (k, n) = (f64::from(days.min(work.days)), f64::from(work.days));
        let likelihood = |k: f64, (a, b): (f64, f64)| {
            let ln_beta = |a: f64, b: f64| checked_ln_beta(a, b).unwrap_or(0.0);
            ln_beta(k + a, n - k + b) - ln_beta(a, b)
        };
        // The mixture with administrators who never do it: its part is the likelihood of no day at all.
        let of = |k: f64, never: f64| (0.5 * likelihood(k, ADMINISTRATORS).exp() + never).ln() - likelihood(k, others);
        // Days fade and never reach zero: what is left of one is no less evidence than none.
        of(0.0, 0.5).max(if k > 0.0 { of(k, 0.0) } else { f64::NEG_INFINITY })
    };
    let reasons = [
        (
            match profile.administers {
                Some(true) => CERTAIN,
                Some(false) => NO_RIGHT,
                None => 0.0,
            },
            Basis::Rights,
        ),
        (evidence(delegated_days, DELEGATION), Basis::Delegation),
        (evidence(work.change_days, CHANGES), Basis::Changes),
        (evidence(work.look_days, LOOKS).min(MOST_LOOKS), Basis::Looks),
    ];
    let [first, ..] = reasons;
    let largest = reasons.into_iter().fold(first, |largest, other| if other.0 > largest.0 { other } else { largest });
    (PRIOR + reasons.iter().map(|(log_odds, _)| log_odds).sum::<f64>(), largest.1)
}

/// Returns the log-odds that an account is a power user. `consumption` is the mean over quantities of its deviations above
/// the org's people.
fn power(consumption: f64) -> f64 {
    /// Mean deviations at which the odds are even. A choice: about one person in six, if most are alike.
    const EVEN: f64 = 0.5;
    /// Log-odds for one more deviation. A choice: a tenth of a deviation decides little.
    const SLOPE: f64 = 6.0;
    SLOPE * (consumption - EVEN)
}

/// Whether the username, before its @, has one of the words.
fn has_word(profile: &Profile, words: &[&str]) -> bool {
    let Some(name) = &profile.username else { return false };
    let local = name.split('@').next().unwrap_or_default();
    local.split(|c: char| !c.is_ascii_alphabetic()).any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::Rhythm;
    use proptest::prelude::*;

    const NOBODY: Candidates = Candidates { delegated_days: 0.0, consumption: Some(0.0) };

    fn profile(change: impl FnOnce(&mut Profile)) -> Profile {
        let mut profile = Profile { days: 20.0, page_requests: 100.0, ..Profile::new() };
        profile.signals.work.days = 18.0;
        profile.failures.last = Timestamp(1);
        change(&mut profile);
        profile
    }

    fn class(change: impl FnOnce(&mut Profile)) -> UserClass {
        classify(&profile(change), &NOBODY).0
    }

    /// Works by day and night through the API.
    fn machine(profile: &mut Profile) {
        (profile.api_requests, profile.page_requests) = (100.0, 0.0);
        (0..10).for_each(|_| profile.rhythm.learn(false, 0xff_ffff, Rhythm::MEMORY));
    }

    fn administers(profile: &mut Profile) {
        profile.administers = Some(true);
    }

    fn changes(days: f32) -> impl FnOnce(&mut Profile) {
        move |profile| profile.signals.work.change_days = days
    }

    #[test]
    fn rights_or_habits_make_an_administrator() {
        assert_eq!(class(|_| {}), UserClass::Normal);
        assert_eq!(class(administers), UserClass::Admin);
        assert_eq!(class(changes(2.0)), UserClass::Admin);
        assert_eq!(class(changes(1.0)), UserClass::Normal, "one change proves no habit");
        assert_eq!(class(|profile| profile.signals.work.look_days = 18.0), UserClass::Normal);
        let delegate = Candidates { delegated_days: 2.0, ..NOBODY };
        let (class, belief) = classify(&profile(|_| {}), &delegate);
        assert_eq!((class, belief.basis), (UserClass::Admin, Basis::Delegation));
    }

    #[test]
    fn rights_do_not_change_the_class_of_machines_and_guests() {
        assert_eq!(class(machine), UserClass::Integration);
        let both = |profile: &mut Profile| {
            machine(profile);
            administers(profile);
        };
        assert_eq!(class(both), UserClass::Integration);
        let guest = |profile: &mut Profile| {
            profile.is_guest = true;
            administers(profile);
        };
        assert_eq!(class(guest), UserClass::Guest);
        let new = |profile: &mut Profile| {
            profile.days = 2.0;
            administers(profile);
        };
        assert_eq!(class(new), UserClass::Normal, "habits are not known yet");
    }

    #[test]
    fn an_agent_that_acts_through_pages_is_an_integration() {
        let around_the_clock = |profile: &mut Profile| {
            (0..10).for_each(|day| profile.rhythm.learn(day % 2 == 0, 0xff_ffff, Rhythm::MEMORY));
        };
        assert_eq!(class(around_the_clock), UserClass::Integration);
        let works_weekends = |profile: &mut Profile| {
            (0..10).for_each(|day| profile.rhythm.learn(day % 2 == 0, 0x00_ff00, Rhythm::MEMORY));
        };
        assert_eq!(class(works_weekends), UserClass::Normal);
    }

    #[test]
    fn a_guest_is_known_by_name_if_it_never_logs_in() {
        let named = |profile: &mut Profile| profile.username = Some("guest@shop.example".into());
        assert_eq!(class(named), UserClass::Normal);
        let never = |profile: &mut Profile| {
            named(profile);
            profile.failures.last = Timestamp::default();
        };
        assert_eq!(class(never), UserClass::Guest);
    }

    #[test]
    fn an_account_between_two_classes_keeps_its_own() {
        let between = |class: UserClass, consumption: f64| {
            let mut profile = profile(|profile| profile.class = class);
            profile.signals.work.belief.probability = 0.6;
            classify(&profile, &Candidates { consumption: Some(consumption), ..NOBODY }).0
        };
        for consumption in [0.42, 0.5, 0.58] {
            assert_eq!(between(UserClass::Normal, consumption), UserClass::Normal);
            assert_eq!(between(UserClass::Power, consumption), UserClass::Power);
        }
        assert_eq!(between(UserClass::Normal, 0.8), UserClass::Power);
        assert_eq!(between(UserClass::Power, 0.2), UserClass::Normal);
    }

    proptest! {
        #[test]
        fn more_days_of_changes_are_never_less_evidence(days in 5.0f32..50.0, share in 0.0f32..1.0, more in 0.0f32..1.0) {
            let of = |share: f32| {
                let profile = profile(|profile| {
                    profile.signals.work.days = days;
                    profile.signals.work.change_days = days * share;
                });
                administrator(&profile, 0.0).0
            };
            prop_assert!(of((share + more).min(1.0)) >= of(share) - 1e-9);
        }

        #[test]
        fn probabilities_are_probabilities(consumption in -5.0..5.0, changes in 0.0f32..18.0, delegated in 0.0f32..99.0) {
            let profile = profile(|profile| profile.signals.work.change_days = changes);
            let compared = Candidates { delegated_days: delegated, consumption: Some(consumption) };
            let (_, belief) = classify(&profile, &compared);
            prop_assert!((0.25..=1.0).contains(&belief.probability));
        }
    }
}
