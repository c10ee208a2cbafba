//! A server that may open few files, and more clients than that.
//!
//! It does not care in which of the good ways the server refuses.

use super::{Scale, settle};
use crate::load::tally::Tally;
use crate::load::{Ask, End, Load};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::time::Duration;

const FILES: u32 = 256;

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let connects = scale.of(1_000, 400);
    report.begin("files", &format!("{FILES} files, {connects} connects"));
    let mut server = Server::tidings_with_files(FILES, &[])?;
    let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
    let ask = Ask::topic("news");
    let mut asked = Vec::new();
    for _ in 0..connects {
        asked.push(load.ask(&ask)?);
    }
    load.run_for(Duration::from_secs(scale.of(5, 2)), &mut tally)?;
    let ended = tally.take_ended();
    let refused = count(&ended, |end| end == End::Refused(503));
    let cut = ended.len() - refused;
    let (served, waiting) = (load.open(), load.opening());
    let alive = server.is_alive()?;
    report.once("alive", "", f64::from(u8::from(alive)), Mark::Exactly(1.0))?;
    report.once("streams", "", served as f64, Mark::None)?;
    report.once("answered 503", "", refused as f64, Mark::None)?;
    report.once("waiting to be accepted", "", waiting as f64, Mark::None)?;
    report.once("cut without an answer", "", cut as f64, Mark::Exactly(0.0))?;
    if served == 0 || served + refused + waiting + cut != connects {
        return Err(io::Error::other("the connects do not add up"));
    }

    asked.iter().for_each(|stream| load.close(*stream));
    settle();
    server.wait_for_connections(0)?;
    let again = load.ask_many(&ask, served / 2, 8, &mut tally)?;
    let refused = tally.take_ended().len();
    report.once(
        "streams after they left",
        "",
        load.open() as f64,
        Mark::Exactly(again.len() as f64),
    )?;
    report.once("refused then", "", refused as f64, Mark::Exactly(0.0))?;
    tally.check()
}

fn count(ended: &[(usize, End)], wanted: impl Fn(End) -> bool) -> usize {
    ended.iter().filter(|(_, end)| wanted(*end)).count()
}
