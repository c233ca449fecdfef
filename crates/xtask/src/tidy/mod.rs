//! stub
use crate::arguments::Arguments;
use crate::failure::Result;
pub fn run(given: Arguments) -> Result<()> {
    given.nothing_left()?;
    check()
}
pub fn check() -> Result<()> {
    Ok(())
}
