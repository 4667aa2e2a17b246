# nix-build -E 'with import <nixpkgs> {}; callPackage ./vault-aws.nix {}'
{ lib, stdenvNoCC, fetchurl, installShellFiles }:

let
  version = "{{.Version}}";
  sources = {
    x86_64-linux = fetchurl {
      url = "{{(index .Files "linux-amd64").URL}}";
      hash = "{{(index .Files "linux-amd64").SRI}}";
    };
    aarch64-linux = fetchurl {
      url = "{{(index .Files "linux-arm64").URL}}";
      hash = "{{(index .Files "linux-arm64").SRI}}";
    };
    x86_64-darwin = fetchurl {
      url = "{{(index .Files "darwin-amd64").URL}}";
      hash = "{{(index .Files "darwin-amd64").SRI}}";
    };
    aarch64-darwin = fetchurl {
      url = "{{(index .Files "darwin-arm64").URL}}";
      hash = "{{(index .Files "darwin-arm64").SRI}}";
    };
  };
  system = stdenvNoCC.hostPlatform.system;
in
stdenvNoCC.mkDerivation {
  pname = "{{.Package}}";
  inherit version;
  src = sources.${system} or (throw "there is no release for ${system}");
  nativeBuildInputs = [ installShellFiles ];
  dontConfigure = true;
  dontBuild = true;
  dontStrip = true;
  installPhase = ''
    runHook preInstall
    install -D -m 755 vault $out/bin/vault
    installShellCompletion --bash --name vault completions/vault.bash
    installShellCompletion --zsh completions/_vault
    installShellCompletion --fish completions/vault.fish
    installManPage man/*.1.gz
    install -D -m 644 -t $out/share/doc/{{.Package}} LICENSE THIRD_PARTY_NOTICES CHANGELOG.md
    runHook postInstall
  '';
  meta = {
    description = "{{.Summary}}";
    homepage = "{{.Homepage}}";
    license = lib.licenses.mit;
    mainProgram = "vault";
    platforms = builtins.attrNames sources;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
  };
}
