class VaultAws < Formula
  desc "{{.Summary}}"
  homepage "{{.Homepage}}"
  version "{{.Version}}"
  license "MIT"

  on_macos do
    on_arm do
      url "{{(index .Files "darwin-arm64").URL}}"
      sha256 "{{(index .Files "darwin-arm64").SHA256}}"
    end
    on_intel do
      url "{{(index .Files "darwin-amd64").URL}}"
      sha256 "{{(index .Files "darwin-amd64").SHA256}}"
    end
  end

  on_linux do
    on_arm do
      url "{{(index .Files "linux-arm64").URL}}"
      sha256 "{{(index .Files "linux-arm64").SHA256}}"
    end
    on_intel do
      url "{{(index .Files "linux-amd64").URL}}"
      sha256 "{{(index .Files "linux-amd64").SHA256}}"
    end
  end

  conflicts_with "vault", "hashicorp/tap/vault", because: "both install a program named vault"

  def install
    bin.install "vault"
    bash_completion.install "completions/vault.bash" => "vault"
    zsh_completion.install "completions/_vault"
    fish_completion.install "completions/vault.fish"
    man1.install Dir["man/*.1.gz"]
    doc.install "THIRD_PARTY_NOTICES"
  end

  def caveats
    "Run `vault init` in the shell that you use: it adds the hook to the shell's start file."
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/vault version")
    assert_match "vault", shell_output("#{bin}/vault hook zsh")
  end
end
