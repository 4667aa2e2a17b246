#!/usr/bin/env bash
# Proves on this machine (macOS, Linux) what the tests cannot prove on another:
#
#   bash docs/prove.sh [--quick] PROGRAM [BACKEND]
#
# PROGRAM is the path of vault, as built or as released. BACKEND is the keyring to use: by default
# keychain on macOS, else file. --quick leaves the demo out, which takes ten seconds in each shell.
#
# It prints one line for each check, and exits with status 1 if one failed, with 2 if it was called
# wrongly. It works in a throw-away home with a config file and an agent of its own, with a key that
# no account has, and asks no AWS. On macOS it makes a keychain in that home, and macOS asks you for
# a new password for it: type any. Ctrl-C ends it, and it leaves nothing behind then either.
#
# It is for the bash 3.2 of macOS too. docs/prove.ps1 is for Windows.
set -uo pipefail

usage() {
  echo "usage: bash docs/prove.sh [--quick] PROGRAM [BACKEND]" >&2
  exit 2
}

quick=no
if [[ ${1-} == --quick ]]; then
  quick=yes
  shift
fi
[[ $# == 1 || $# == 2 ]] || usage
[[ -f $1 && -x $1 ]] || { echo "$1 is not a program" >&2; exit 2; }

case "${2-}/$(uname -s)" in
  /Darwin) backend="keychain" ;;
  /*) backend="file" ;;
  *) backend="$2" ;;
esac

# --- the place, and how it is left -------------------------------------------------

own_keychains="$HOME/Library/Keychains"
tmp="${TMPDIR:-/tmp}"
top="$(mktemp -d "${tmp%/}/vp.XXXXXX")" || exit 1 # short: a socket's path has room for 103 bytes
home="$top/Zoë's home"
vault="$home/bin of mine/vault"
key="vault-prove-$$"       # the profile with the stored key; in the keyring under this name
session="vault-prove-$$-s" # the profile with a session that a program gives

worker="" # the process group of the checks, while they run

clean_up() {
  trap '' INT TERM HUP
  [[ -z $worker ]] || end_group "$worker"
  if [[ -x $vault ]]; then
    "$vault" agent stop
    "$vault" remove "$key" --yes
    "$vault" clear "$key" "$session"
  fi >/dev/null 2>&1 </dev/null
  [[ $backend != keychain ]] || security delete-keychain "$key.keychain" >/dev/null 2>&1
  rm -rf "$top"
}

# end_group asks the processes of a group to end, and ends what is still there after five seconds.
end_group() {
  local tries=0
  kill -TERM -- "-$1" 2>/dev/null
  while kill -0 -- "-$1" 2>/dev/null; do
    ((tries++ < 50)) || kill -KILL -- "-$1" 2>/dev/null
    sleep 0.1
  done
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# enter makes the home and leaves the person's own settings: what follows cannot reach them.
enter() {
  local name
  compgen -e >"$top/names"
  while read -r name; do
    case "$name" in
      AWS_* | __VAULT_* | XDG_* | ZDOTDIR | BASH_ENV | ENV | PROMPT_COMMAND) unset "$name" ;;
    esac
  done <"$top/names"
  mkdir -p "$home/.aws" "$home/bin of mine" "$home/Library/Keychains" "$home/Library/Preferences" "$top/run" "$top/tmp"
  chmod 700 "$top/run"
  cp "$1" "$vault"
  export HOME="$home" ZDOTDIR="$home" TMPDIR="$top/tmp" XDG_RUNTIME_DIR="$top/run" XDG_CONFIG_HOME="$home/.config"
  export XDG_DATA_HOME="$home/.local/share" XDG_STATE_HOME="$home/.local/state" XDG_CACHE_HOME="$home/.cache"
  export AWS_CONFIG_FILE="$home/.aws/config" AWS_SHARED_CREDENTIALS_FILE="$home/.aws/credentials"
  export AWS_EC2_METADATA_DISABLED=true AWS_VAULT_BACKEND="$backend" AWS_VAULT_KEYCHAIN_NAME="$key"
  export AWS_VAULT_FILE_DIR="$home/keys of mine" AWS_VAULT_FILE_PASSPHRASE=throw-away AWS_VAULT_AGE_PASSPHRASE=throw-away
  export NO_COLOR=1 PROVE_VAULT="$vault" PROVE_SESSION="$session"
}

# write_config writes what an editor of Windows would: CRLF, and paths with spaces and a quote.
write_config() {
  printf '{"Version":1,"AccessKeyId":"ASIAEXAMPLEEXAMPLE00","SecretAccessKey":"example","SessionToken":"it'\''s","Expiration":"%s"}\r\n' \
    "$(in_one_hour)" >"$home/a session.json"
  printf '[profile %s]\r\nregion = eu-west-1\r\ncredential_process = cat "%s"\r\n' "$session" "$home/a session.json" >"$AWS_CONFIG_FILE"
}

in_one_hour() { date -u -v+1H +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ; }

# --- what is checked ----------------------------------------------------------------

has() { # TEXT WANTED… fails, and says what is missing, unless the text has all of them
  local text="$1" wanted
  shift
  for wanted; do
    [[ $text == *"$wanted"* ]] || { printf 'there is no %s in:\n%s\n' "$wanted" "$text"; return 1; }
  done
}

version() {
  local said
  said="$("$vault" version)" && has "$said" "vault " && echo "$said"
}

config_with_crlf() { has "$("$vault" list --json)" "\"profile\":\"$session\"" '"region":"eu-west-1"'; }

add() {
  AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=example "$vault" add "$key" --env --check=false || return
  has "$("$vault" list --json)" "\"profile\":\"$key\",\"configured\":true,\"credential\":true" || return
  [[ $(grep -c "$(printf '\r')\$" "$AWS_CONFIG_FILE") == $(grep -c '' "$AWS_CONFIG_FILE") ]] || { echo "its section does not end its lines with CRLF"; return 1; }
}

export_key() { has "$("$vault" export "$key" --no-session --format json)" '"AKIAIOSFODNN7EXAMPLE"' '"SecretAccessKey": "example"'; }
export_session() { has "$("$vault" export "$session" --format json)" '"ASIAEXAMPLEEXAMPLE00"' "\"it's\""; }

# two_cases stores a key under the name in capitals. Where the store could not tell the two apart, it refuses.
two_cases() {
  local other
  other="$(printf '%s' "$key" | tr '[:lower:]' '[:upper:]')"
  AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=other "$vault" add "$other" --env --check=false
  "$vault" export "$other" --no-session --format json
  export_key || return
  "$vault" remove "$other" --yes
  export_key
}

# keychain_item looks at the item as macOS shows it, as the other way to the keychain would find it.
keychain_item() {
  local said
  said="$(security find-generic-password -s aws-vault -a "$key" "$key.keychain" 2>&1)" || { echo "$said"; return 1; }
  has "$said" '"svce"<blob>="aws-vault"' "\"acct\"<blob>=\"$key\"" "0x00000007 <blob>=\"aws-vault ($key)\""
}

execute() {
  # shellcheck disable=SC2016 # for the shell that vault starts
  has "$("$vault" exec "$session" -- sh -c 'echo "[$AWS_VAULT] $AWS_REGION $AWS_SESSION_TOKEN"; exit 0')" "[$session] eu-west-1 it's" || return
  "$vault" exec "$session" -- sh -c 'exit 7'
  [[ $? == 7 ]] || { echo "the status of the command is lost"; return 1; }
}

agent() {
  "$vault" agent start || return
  has "$("$vault" agent status)" "${top##*/}/run" || return
  "$vault" lock || return
  "$vault" agent stop || return
  ! "$vault" agent status || { echo "the agent runs after vault agent stop"; return 1; }
}

# in_shell evaluates the hook in a shell and switches there: the session as keys, then from the agent,
# and back each time.
# shellcheck disable=SC2016 # for the shells
in_shell() {
  local options load said
  local own='export AWS_PROFILE=mine' code='
vault use "$PROVE_SESSION"
echo "use <$AWS_VAULT> <$AWS_PROFILE> <$AWS_REGION> <$AWS_SESSION_TOKEN>"
vault off
echo "off <$AWS_VAULT> <$AWS_PROFILE> <$AWS_REGION> <$AWS_SESSION_TOKEN>"
vault use "$PROVE_SESSION" --mode server
echo "served <$AWS_VAULT> <$AWS_SESSION_TOKEN> at $AWS_CONTAINER_CREDENTIALS_FULL_URI"
vault off
echo "left <$AWS_VAULT> at <$AWS_CONTAINER_CREDENTIALS_FULL_URI>"'
  case "$2" in
    bash) options=(--norc --noprofile -c) load='eval "$("$PROVE_VAULT" hook bash)"' ;;
    zsh) options=(-f -c) load='eval "$("$PROVE_VAULT" hook zsh)"' ;;
    fish) options=(--no-config -c) load='"$PROVE_VAULT" hook fish | source' ;;
    pwsh)
      options=(-NoProfile -NonInteractive -Command) load='Invoke-Expression (& $env:PROVE_VAULT hook pwsh | Out-String)'
      own='$env:AWS_PROFILE = "mine"' code="$(printf '%s\n' "$code" | sed 's/[$]/$env:/g')"
      ;;
  esac
  said="$("$1" "${options[@]}" "$(printf '%s\n' "$load" "$own" "$code")")"
  "$vault" agent stop
  has "$said" "use <$session> <> <eu-west-1> <it's>" "off <> <mine> <> <>" "served <$session> <> at http://127.0.0.1:" "left <> at <>"
}

shell_version() {
  # shellcheck disable=SC2016 # for PowerShell
  case "$2" in
    pwsh) "$1" -NoProfile -NonInteractive -Command '"PowerShell $($PSVersionTable.PSVersion)"' ;;
    *) "$1" --version | head -n 1 ;;
  esac
}

demo() {
  local said
  said="$("$vault" demo --shell "$1" </dev/null 2>&1)" || { echo "$said"; return 1; }
  has "$said" "vault: dev until" 'did you mean "prod"?' "[prod <1m]" "vault: left prod" "everything of the demo is removed"
}

remove() {
  local said
  "$vault" remove "$key" --yes && "$vault" clear "$session" || return
  said="$("$vault" list --json)" || return
  has "$said" "\"profile\":\"$key\",\"configured\":true,\"credential\":false,\"sessions\":0" \
    "\"profile\":\"$session\",\"configured\":true,\"credential\":false,\"sessions\":0" '"other_sessions": 0'
}

# nothing_left looks where only a mistake could have left something. A renewal in the background has ten seconds to end.
nothing_left() {
  local left tries=0
  while left="$(ps -A -o args= 2>/dev/null | awk 'index($0, ENVIRON["PROVE_VAULT"])')" && [[ -n $left ]]; do
    ((tries++ < 100)) || { echo "processes: $left"; return 1; }
    sleep 0.1
  done
  left="$(ls -A "$top/tmp")"
  [[ -z $left ]] || { echo "temporary files: $left"; return 1; }
  left="$(find "$own_keychains" -name "$key*" 2>/dev/null)"
  [[ -z $left ]] || { echo "in your own keychains: $left"; return 1; }
}

# --- the run ------------------------------------------------------------------------

failed=0

# prove NAME COMMAND… runs one check and prints its verdict, and what it said if it failed.
prove() {
  local name="$1" said
  shift
  if said="$("$@" 2>&1)"; then
    printf 'ok      %s\n' "$name"
  else
    printf 'FAILED  %s\n' "$name"
    printf '%s\n' "$said" | sed 's/^/        /'
    failed=$((failed + 1))
  fi
}

prove_shells() {
  local program name path shell proved=:
  for program in /bin/bash bash zsh fish pwsh; do
    name="${program##*/}"
    path="$(command -v "$program")" || { [[ $program == /* ]] || printf 'absent  %s\n' "$program"; continue; }
    shell="$(shell_version "$path" "$name")"
    [[ $proved != *":$shell:"* ]] || continue # /bin/bash may be the bash of PATH
    proved="$proved$shell:"
    prove "$shell: use, off and mode server" in_shell "$path" "$name"
    [[ $quick == yes ]] || prove "$shell: the demo, with a renewal" demo "$path"
  done
}

checks() {
  write_config
  printf '%s, %s, back end %s\n' "$(uname -srm)" "$("$vault" version)" "$backend"
  prove "version" version
  prove "a config file with CRLF, and paths with spaces" config_with_crlf
  prove "add, list: the key is in $backend" add
  prove "export: the key comes back" export_key
  prove "names that differ in case share no key" two_cases
  [[ $backend != keychain ]] || prove "keychain: the item has the names that AWS Vault looks for" keychain_item
  prove "export: a session of a program" export_session
  prove "exec: variables and status" execute
  prove "agent: start, lock, stop" agent
  prove_shells
  prove "remove: no key and no session is left" remove
  prove "nothing is left elsewhere" nothing_left

  if ((failed > 0)); then
    echo "$failed failed: please report the lines above"
    exit 1
  fi
  echo "all is proved"
}

# bash can lose a signal that comes while it reads a $( ). So this shell reads none: the checks are a
# process group of their own, and this shell waits for them and for signals.
enter "$1"
set -m
checks &
worker=$!
set +m
wait "$worker"
status=$?
worker=""
((status == 0)) || exit "$status"
