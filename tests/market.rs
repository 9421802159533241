//! The spot market: refusals, prices, interruptions, and what the program makes of them, in the
//! demo world and with its clock. The program's own model and jobs, from the user's command on.

mod caps;
mod cost;
mod fleet;
mod interruptions;
mod limits;
mod placement;
mod risk;
mod scale;
