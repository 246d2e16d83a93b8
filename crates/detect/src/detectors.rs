//! One file per detector: its rule, its explanation and its tests. `extreme.rs` holds what those of a day's extremes share,
//! `first.rs` holds what the three detectors of
//! first-time access share, `mass.rs` what those of mass change and mass deletion share, `setup.rs` what those of changes
//! in Setup share.

pub mod api_recon;
pub mod app_authorized;
pub mod bulk_export;
pub mod controls_loosened;
pub mod dormant_account;
mod extreme;
pub mod failed_then_success;
mod first;
pub mod large_request;
pub mod login_as_export;
mod mass;
pub mod mass_change;
pub mod mass_deletion;
pub mod native;
pub mod new_access;
pub mod new_app;
pub mod new_report_export;
pub mod off_hours;
pub mod page_crawl;
pub mod rare_network;
pub mod rare_user_agent;
pub mod rights_raised;
pub mod row_spike;
pub mod scope_increase;
pub mod session_hijack;
mod setup;
pub mod slow_drain;
pub mod unlike_self;
pub mod view_burst;

#[cfg(test)]
pub(crate) mod testing;

/// Declares a detector: its name, family, ceiling, next step, the features it judges, and the function that judges one.
///
/// A ceiling says how much a detector proves at best. Those of `row_spike`, `scope_increase`, `view_burst` and
/// `new_access` are the scores of the founding article's four findings; the others are choices.
macro_rules! detector {
    (
        $(#[$meta:meta])*
        $type:ident = $name:literal, $family:ident, ceiling $ceiling:literal,
        next $next:literal,
        $($feature:ident)|+ => $judge:ident
    ) => {
        $(#[$meta])*
        pub struct $type;

        impl $crate::Detector for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn family(&self) -> model::Family {
                model::Family::$family
            }

            fn ceiling(&self) -> f64 {
                $ceiling
            }

            fn next_step(&self) -> &'static str {
                $next
            }

            fn measure<'a>(
                &self,
                observation: &'a model::Observation,
                settings: &'a $crate::Settings,
            ) -> Vec<Result<$crate::judgement::Judgement<'a>, $crate::Unscoreable>> {
                let features = observation.features.iter().filter_map(|feature| match feature {
                    $(model::Feature::$feature(feature) => Some(feature),)+
                    _ => None,
                });
                features.map(|feature| $judge(feature, observation, settings)).collect()
            }
        }
    };
}
use detector;
