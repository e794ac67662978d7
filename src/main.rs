//! The start of the program: everything is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    backstitch::cli::main()
}
