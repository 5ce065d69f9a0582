//! What build.rs found: by which compiler the kernels were compiled for a device, or what is missing, and how to get it.

/// The simulated GPU's compiler.
pub fn sim() -> Result<String, String> {
    found("sim", option_env!("WARPWEAVE_BUILD_SIM"))
}

/// nvcc, and the GPUs that it compiled for.
pub fn cuda() -> Result<String, String> {
    found("cuda", option_env!("WARPWEAVE_BUILD_CUDA"))
}

fn found(feature: &str, fact: Option<&str>) -> Result<String, String> {
    let fact = fact.ok_or_else(|| format!("this build lacks it: build with `--features {feature}`"))?;
    match fact.strip_prefix("missing: ") {
        Some(missing) => Err(format!("when this was built, {missing}; then build again")),
        None => Ok(fact.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_from_what_was_found() {
        assert_eq!(found("sim", Some("g++ 12")), Ok("g++ 12".into()));
        assert!(found("sim", None).unwrap_err().contains("--features sim"));
        let missing = found("cuda", Some("missing: no nvcc was found: set CUDA_HOME")).unwrap_err();
        assert_eq!(missing, "when this was built, no nvcc was found: set CUDA_HOME; then build again");
        assert_eq!(sim().is_ok(), cfg!(ww_sim));
        assert_eq!(cuda().is_ok(), cfg!(ww_cuda));
    }
}
