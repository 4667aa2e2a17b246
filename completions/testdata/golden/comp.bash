# completion for bash 3.2 and later, with and without bash-completion. The words go to
# the program as they were typed: it reads their quotes, and nothing here expands them.

__vault_complete_vault() {
  \builtin local line="${COMP_LINE:0:COMP_POINT}" _vi _vw out IFS=$' \t\n'
  \builtin local -a words at from
  words=() at=() from=()
  # bash also splits at : and =. What has no space in it is made one word again.
  for ((_vi = 0; _vi <= COMP_CWORD; _vi++)); do
    _vw=${line%%[![:space:]]*} line=${line#"${line%%[![:space:]]*}"}
    if [[ $_vi == 0 || $_vw ]]; then
      words+=('') at+=("$_vi") from+=("$((COMP_POINT - ${#line}))")
    fi
    _vw=${COMP_WORDS[_vi]}
    [[ $line == "$_vw"* ]] || _vw=$line # the cursor is inside it
    words[${#words[@]} - 1]+=$_vw line=${line#"$_vw"}
  done
  # Looked up first: a missing program must not call command_not_found_handle.
  \builtin type -P 'vault' >/dev/null || \builtin return 0
  out=$(\builtin command 'vault' __words bash "$2" "${words[@]:1}" 2>/dev/null) || \builtin return 0
  case $out in
    words*)
      # Only now: where IFS has no space, bash 3.2 makes one word of "${words[@]:1}".
      _vw=$- IFS=$'\n'
      \builtin set -f
      # shellcheck disable=SC2206
      COMPREPLY=(${out#words})
      [[ $_vw == *f* ]] || \builtin set +f
      ;;
    command*) __vault_wrapped "${at[${out#* } + 1]}" "${from[${out#* } + 1]}" ;;
    files*) __vault_readline default -f "$2" ;;
    dirs*) __vault_readline dirnames -d "$2" ;;
  esac
  \builtin return 0
}

# Readline completes files better than a function can. bash 3.2 has no way to ask for that.
__vault_readline() {
  \builtin compopt -o "$1" 2>/dev/null || __vault_generate "$2" "$3"
}

__vault_generate() { # WHAT WORD
  \builtin local _vw
  while IFS= \builtin read -r _vw; do
    \builtin printf -v _vw %q "$_vw"
    COMPREPLY+=("$_vw")
  done <<<"$(\builtin compgen "$1" -- "$2")"
  [[ ${COMPREPLY-} ]] || COMPREPLY=()
}

# Completes the other command, which begins at WORD in COMP_WORDS and at CHAR in COMP_LINE.
# What is evaluated below is what was registered for it, never the line.
__vault_wrapped() { # WORD CHAR
  \builtin local spec='' cmd="${COMP_WORDS[$1]-}" cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD - 1]}" _vo IFS=$' \t\n'
  \builtin local -a args
  if (($1 < COMP_CWORD)) && [[ $cmd != *[!-A-Za-z0-9_./+]* ]]; then
    spec=$(\builtin complete -p -- "${cmd##*/}" 2>/dev/null)
  fi
  if [[ $spec != *" -C '"* ]] && \builtin declare -F _command_offset >/dev/null; then
    _command_offset "$1"
    \builtin return
  fi
  COMP_LINE=${COMP_LINE:$2} COMP_POINT=$((COMP_POINT - $2))
  COMP_WORDS=("${COMP_WORDS[@]:$1}") COMP_CWORD=$((COMP_CWORD - $1))
  if ((COMP_CWORD <= 0)); then
    if [[ $cur == */* ]]; then __vault_readline default -f "$cur"; else __vault_generate -c "$cur"; fi
    \builtin return
  fi
  \builtin read -r -a args <<<"$spec"
  for _vo in "${!args[@]}"; do
    [[ ${args[_vo]} != -o ]] || \builtin compopt -o "${args[_vo + 1]}" 2>/dev/null || :
  done
  case $spec in
    *" -F "*)
      _vo=${spec##* -F }
      "${_vo%% *}" "$cmd" "$cur" "$prev"
      ;;
    *" -C '"*)
      _vo=${spec#* -C }
      _vo=$(\builtin export COMP_LINE COMP_POINT COMP_TYPE=9 COMP_KEY=9
        \builtin eval "${_vo% *} \"\$cmd\" \"\$cur\" \"\$prev\"" 2>/dev/null)
      IFS=$'\n' \builtin read -r -d '' -a COMPREPLY <<<"$_vo" || :
      ;;
    ?*)
      _vo=${spec#complete }
      _vo=$(\builtin eval "compgen ${_vo% *} -- \"\$cur\"" 2>/dev/null)
      IFS=$'\n' \builtin read -r -d '' -a COMPREPLY <<<"$_vo" || :
      ;;
  esac
  [[ ${COMPREPLY-} ]] || __vault_readline default -f "$cur"
}

\builtin complete -F __vault_complete_vault vault
