//! Faults of upstreams, one by one (F-1 to F-18) and all at once: what a caller notices of them, and how long it takes.
//!
//! Each row of the list of faults, and the test that makes it happen:
//!
//! | row | what | test |
//! |---|---|---|
//! | F-1 | refuses | `timeouts::an_upstream_that_refuses_is_told_at_once`; `places::the_fault_of_one_place_is_nobodys`, `places::a_place_that_refuses_costs_next_to_nothing` |
//! | F-2 | black hole | `timeouts::an_upstream_that_does_not_accept_connections_is_given_up_in_time`; `places::a_black_hole_costs_three_calls_their_time_and_no_more` |
//! | F-3 | accepts, never answers | `timeouts::an_upstream_that_never_begins_to_answer_is_given_up_in_time`; `places::the_fault_of_one_place_is_nobodys`, scenario S06 |
//! | F-4 | reset within a plain answer | `places::half_a_plain_answer_is_never_a_success` |
//! | F-5 | reset or end within a stream | `leaving::a_cut_stream_never_looks_complete`, `cuts`, scenarios S08 and S14 |
//! | F-6 | stalls within a stream | `timeouts::a_stream_that_stops_ends_with_one_error_event`, `heartbeats`, scenario S09 |
//! | F-7 | drips | `timeouts::a_head_that_comes_in_drops_is_given_up_in_time`, `a_slow_stream_that_goes_on_is_never_cut`, `a_plain_answer_in_drops_is_ended_by_the_total` |
//! | F-8 | floods | `places::a_flood_waits_for_its_reader` |
//! | F-9 | 500, 502, 503, 529 | `places::the_fault_of_one_place_is_nobodys`, `failures::what_all_places_refuse_is_told_as_the_last_one_said_it` |
//! | F-10 | 429 with every hint | `failures::hints::every_hint_of_when_to_come_back_is_understood`, `failures::where_all_places_are_limited_the_smallest_wait_is_told` |
//! | F-11 | a success that is none | `answers::a_success_that_is_no_answer_is_a_502` |
//! | F-12 | TLS | `tls` (expired, wrong name, self-signed, no TLS, a stall); `places::the_fault_of_one_place_is_nobodys` |
//! | F-13 | DNS | `answers::an_unreachable_upstream_is_a_502_that_names_no_address`, units of `upstream/pool/dns.rs`; `places::the_fault_of_one_place_is_nobodys` |
//! | F-14 | HTTP/2 frames | none: upstreams are spoken to in HTTP/1.1 |
//! | F-15 | idle connection closed as we write | `timeouts::a_connection_closed_just_as_we_ask_is_replaced_once` and what stands around it |
//! | F-16 | 401, 403 | `answers::our_own_key_refused_is_never_the_callers_401`, `failures::keys::a_key_that_is_refused_is_put_aside_and_the_others_serve` |
//! | F-17 | all away | `outage::a_total_outage_is_neither_multiplied_nor_waited_for` |
//! | F-18 | slow but alive | `places::who_is_slow_is_relieved_by_its_limit` |

mod load;
mod outage;
pub(crate) mod places;
mod storm;

use testkit::vendor::Vendor;

use crate::house::UPSTREAM_KEY;

/// A provider's line; `more` are settings of its own, each behind a comma.
fn provider(name: &str, url: &str, more: &str) -> String {
    format!("  {name}: {{type: openai-compatible, base_url: \"{url}/v1\", api_key: {UPSTREAM_KEY}{more}}}\n")
}

/// A file with these providers, and the model `m` at each of them, in order.
fn file(providers: &[(&str, String, &str)]) -> String {
    let lines: String = providers.iter().map(|(name, url, more)| provider(name, url, more)).collect();
    let uses: Vec<String> = providers.iter().map(|(name, ..)| format!("{name}/m")).collect();
    format!("providers:\n{lines}models: {{m: {{use: [{}]}}}}\n", uses.join(", "))
}

/// A vendor that answers every chat well, all at once.
async fn well() -> Vendor {
    Vendor::start(|seen| testkit::failing::well(seen, testkit::failing::Pace::AT_ONCE)).await
}
