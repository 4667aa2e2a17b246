# shellcheck shell=bash
# What nixpkgs has for an installPhase, as far as ours goes: hooks, and installShellFiles. $out is the prefix.
set -eu
shopt -s nullglob

runHook() { :; }

# installShellCompletion (--bash|--zsh|--fish) [--name NAME] FILE…
installShellCompletion() {
  local place="" name=""
  while (($# > 0)); do
    case "$1" in
      --bash) place=bash-completion/completions ;;
      --zsh) place=zsh/site-functions ;;
      --fish) place=fish/vendor_completions.d ;;
      --name) name="$2" && shift ;;
      *) install -D --mode=644 --no-target-directory "$1" "${out:?}/share/${place:?}/${name:-${1##*/}}" && name="" ;;
    esac
    shift
  done
}

# installManPage FILE…, each with its section before .gz
installManPage() {
  local page section
  for page in "$@"; do
    section="${page%.gz}"
    install -D --mode=644 "$page" "${out:?}/share/man/man${section##*.}/${page##*/}"
  done
}
