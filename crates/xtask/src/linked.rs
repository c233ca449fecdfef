//! The splitter's loader and wasm-bindgen's glue as one script: the loader is a few lines, and a file of its own would be
//! one more way to the server before anything is seen. Knows their text, of the versions that are locked.

const LOADER: &str = "./__wasm_split.js";

/// One script.
pub fn join(glue: &str, loader: &str) -> String {
    let mut script = Vec::new();
    let mut loads = Vec::new();
    for line in loader.lines().filter(|line| !line.starts_with("import ")) {
        // The glue is here: what it holds need not be asked of it.
        let mut line = line.replace("initSync(undefined, undefined)", "wasm");
        if let Some(load) = line.strip_prefix("export ") {
            loads.extend(load.split(' ').nth(1).map(|name| format!("{name}: {name},")));
            line = load.to_owned();
        }
        script.push(line);
    }
    script.push("const LOADS = {".to_owned());
    script.extend(loads);
    script.push("};".to_owned());
    let mut is_told = false;
    for line in glue.lines() {
        let imports = line.starts_with("import ") && line.contains(LOADER);
        let hands_over = line.trim_start().starts_with(&format!("\"{LOADER}\": "));
        match (imports, hands_over) {
            (true, _) => {}
            (_, true) if is_told => {}
            (_, true) => {
                is_told = true;
                script.push(format!("\"{LOADER}\": LOADS,"));
            }
            _ => script.push(line.to_owned()),
        }
    }
    script.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loader_and_glue_become_one_script() {
        let loader = "import { initSync } from \"./page.js\";\n\nconst { memory, } = initSync(undefined, undefined);\n\
             export const __wasm_split_load_a = wrap(1);\nexport const __wasm_split_load_b = wrap(2);\n";
        let glue = "import * as import1 from \"./__wasm_split.js\"\nimport * as import2 from \"./__wasm_split.js\"\n\
             return {\n    \"./page_bg.js\": import0,\n    \"./__wasm_split.js\": import1,\n    \"./__wasm_split.js\": import2,\n};";
        let script = join(glue, loader);
        assert!(!script.contains("import *") && !script.contains("initSync"), "{script}");
        assert!(script.contains("const { memory, } = wasm;\nconst __wasm_split_load_a = wrap(1);"), "{script}");
        let loads =
            "const LOADS = {\n__wasm_split_load_a: __wasm_split_load_a,\n__wasm_split_load_b: __wasm_split_load_b,\n};";
        assert!(script.contains(loads), "{script}");
        assert!(script.ends_with("import0,\n\"./__wasm_split.js\": LOADS,\n};"), "{script}");
    }
}
