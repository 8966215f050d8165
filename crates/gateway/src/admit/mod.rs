//! Third stage: leave to proceed.
//!
//! Plain so far: leave is always given, and the permit counts the call into the house until it is dropped. Rates, tokens
//! and slots are reserved here.

use crate::Gateway;
use crate::identify::Caller;
use crate::life::InHouse;

/// Leave to proceed. Whatever it holds is given back when it is dropped, on every ending.
#[derive(Debug)]
pub(crate) struct Permit {
    _in_house: InHouse,
}

/// Asks for leave.
pub(crate) fn ask(gateway: &Gateway, _caller: &Caller) -> Permit {
    Permit { _in_house: gateway.life().call_begins() }
}
