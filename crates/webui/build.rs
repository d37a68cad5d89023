//! Builds the portal with npm and makes a table of its files, compressed as they are sent.
//!
//! `INNKEEPER_UI` says what to do: `auto` (the default: without Node there is no portal, and a warning), `required`
//! (without it the build fails: for releases) or `stub` (never build it). `INNKEEPER_UI_DIST` names a folder that was
//! built already.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const LEAST_NODE: (u32, u32) = (20, 19);

/// What the portal is made of.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "postcss.config.cjs",
    "tsconfig.json",
];

fn main() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR").ok_or("run this through cargo")?);
    let out = PathBuf::from(variable("OUT_DIR").ok_or("run this through cargo")?);
    let web = here.join("../../web");
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", web.join(source).display());
    }
    for name in ["INNKEEPER_UI", "INNKEEPER_UI_DIST"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let wanted = variable("INNKEEPER_UI").unwrap_or_else(|| "auto".to_owned());
    let dist = match (variable("INNKEEPER_UI_DIST"), wanted.as_str()) {
        (Some(dist), _) => Ok(PathBuf::from(dist)),
        (None, "stub") => Err("INNKEEPER_UI is `stub`".to_owned()),
        (None, "auto" | "required") => build(&web, &out.join("dist")),
        (None, other) => return Err(format!("INNKEEPER_UI is `{other}`: use auto, required or stub")),
    };
    let table = match dist {
        Ok(dist) => table(&dist)?,
        Err(why) if wanted == "required" => return Err(format!("the portal cannot be built: {why}")),
        Err(why) => {
            if wanted != "stub" {
                println!("cargo:warning=the portal is left out: {why}");
                // Tried again the next time, since what was missing may be there then.
                println!("cargo:rerun-if-changed={}", out.join("never").display());
            }
            "/// Whether the portal is here.\npub const BUILT: bool = false;\nstatic FILES: &[File] = &[];\n"
                .to_owned()
        }
    };
    fs::write(out.join("files.rs"), table).map_err(|error| error.to_string())
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn build(web: &Path, dist: &Path) -> Result<PathBuf, String> {
    let version =
        said(Command::new("node").arg("--version")).map_err(|_| "Node is not installed".to_owned())?;
    let mut numbers =
        version.trim().trim_start_matches('v').split('.').filter_map(|part| part.parse::<u32>().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < LEAST_NODE {
        let (major, minor) = LEAST_NODE;
        return Err(format!("Node {} is too old: {major}.{minor} or newer is needed", version.trim()));
    }
    // Whoever works on the portal has more installed than is needed to build it: that stays.
    if said(Command::new("node").arg("scripts/installed.mjs").current_dir(web)).is_err() {
        println!("cargo:warning=installing what the portal is built with (npm ci), once for each lock file");
        said(Command::new("npm").args(["ci", "--omit=dev"]).current_dir(web))?;
    }
    let vite = ["node_modules/vite/bin/vite.js", "build", "--emptyOutDir", "--outDir"];
    said(Command::new("node").args(vite).arg(dist).current_dir(web))?;
    Ok(dist.to_owned())
}

/// Runs a command and answers what it said, or the end of what it complained of.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaint.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join(" / ");
    Err(format!("{} failed: {end}", command.get_program().display()))
}

fn table(dist: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    walk(dist, &mut files)?;
    let mut entries = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_none_or(|end| end != "br")) {
        let relative = file.strip_prefix(dist).map_err(|error| error.to_string())?;
        let path = format!("/{}", relative.display().to_string().replace('\\', "/"));
        // Vite's notes about what it made.
        if !path.starts_with("/.vite/") {
            entries.push((path, file));
        }
    }
    if !entries.iter().any(|(path, _)| path == "/index.html") {
        return Err(format!("{} has no index.html", dist.display()));
    }
    entries.sort();
    let mut text =
        "/// Whether the portal is here.\npub const BUILT: bool = true;\nstatic FILES: &[File] = &[\n"
            .to_owned();
    for (path, file) in entries {
        let contents = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let compressed = PathBuf::from(format!("{}.br", file.display()));
        let brotli = compressed.exists();
        let bytes = if brotli { &compressed } else { file };
        let _ = writeln!(
            text,
            "    File {{ path: {path:?}, mime: {:?}, etag: \"\\\"{:016x}\\\"\", brotli: {brotli}, bytes: include_bytes!({:?}) }},",
            mime(&path),
            fnv(&contents),
            bytes.display().to_string(),
        );
    }
    Ok(text + "];\n")
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Another number for other contents; nobody gains by finding two with the same.
fn fnv(contents: &[u8]) -> u64 {
    contents
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
