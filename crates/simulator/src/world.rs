//! The parts of an org that do not change from day to day.

use std::sync::Arc;

use crate::account::{Account, Class};
use crate::calendar::Today;
use crate::catalog::Catalog;
use crate::dice::mix;
use crate::leaver;
use crate::mechanism::{WorldKind, season};
use crate::plan::{Plan, Scenario, Writes};

/// An org: its plan, calendar, catalog and accounts.
pub(crate) struct World {
    pub(crate) plan: Plan,
    /// The key of all random streams, from the plan's seed and org.
    pub(crate) key: u64,
    pub(crate) calendar: Vec<Today>,
    pub(crate) catalog: Catalog,
    pub(crate) accounts: Vec<Account>,
    /// Indices of the administrators.
    pub(crate) admins: Vec<u32>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> World {
        let key = plan.org_id.bytes().fold(mix(plan.seed), |hash, byte| mix(hash ^ u64::from(byte)));
        let calendar: Vec<Today> = (0..plan.days)
            .map(|index| Today::new(plan.start, index).with_fiscal_year(season::fiscal_weeks(plan.world, key)))
            .collect();
        let catalog = Catalog::new(key, plan.days);
        let org_id: Arc<str> = plan.org_id.as_str().into();
        let mut accounts: Vec<Account> =
            (0..plan.users).map(|index| Account::new(&plan, key, &org_id, &catalog, &calendar, index)).collect();
        if plan.scenario == Scenario::Leaver
            && let Some(account) = accounts.get_mut(leaver::EMMA as usize)
        {
            leaver::assign(account, key, &catalog);
        }
        let admins =
            accounts.iter().filter(|account| account.class == Class::Admin).map(|account| account.index).collect();
        World { plan, key, calendar, catalog, accounts, admins }
    }

    /// Returns whether accounts write through the APIs.
    pub(crate) fn writes(&self) -> bool {
        self.plan.writes != Writes::None || self.has_mechanisms()
    }

    /// Returns whether the world has any mechanism.
    pub(crate) fn has_mechanisms(&self) -> bool {
        self.plan.world != WorldKind::Standard
    }

    pub(crate) fn account(&self, index: u32) -> Option<&Account> {
        self.accounts.get(index as usize)
    }

    /// Returns whether the account follows the script of [`leaver`].
    pub(crate) fn is_scripted(&self, index: u32) -> bool {
        self.plan.scenario == Scenario::Leaver && index == leaver::EMMA
    }
}
