# Carries out a formula with as much of Homebrew's language as is in it, and says in JSON what it declares.
#
#   ruby homebrew.rb FORMULA SYSTEM MACHINE PREFIX     in the unpacked archive
require "fileutils"
require "json"
require "pathname"

FORMULA, SYSTEM, MACHINE, PREFIX = ARGV

class Pathname
  # Each source is a file, or a hash of files and the names that they get.
  def install(*sources)
    sources = sources.flatten
    raise "nothing is installed in #{self}" if sources.empty?

    sources.each do |source|
      (source.is_a?(Hash) ? source : { source => File.basename(source) }).each do |from, name|
        FileUtils.mkdir_p(self)
        FileUtils.cp(from, join(name), preserve: true)
      end
    end
  end
end

class Formula
  DECLARED = {}
  class << self
    %i[desc homepage version license url sha256].each do |name|
      define_method(name) { |value| DECLARED.key?(name) ? raise("#{name} is there twice") : DECLARED[name] = value }
    end
    { on_macos: "darwin", on_linux: "linux" }.each { |name, system| define_method(name) { |&block| block.call if SYSTEM == system } }
    { on_arm: "arm64", on_intel: "amd64" }.each { |name, machine| define_method(name) { |&block| block.call if MACHINE == machine } }

    def conflicts_with(*names, because:)
      DECLARED[:conflicts] = { names: names, because: because }
    end

    def test(&block)
      DECLARED[:tested] = !block.nil?
    end
  end

  # https://docs.brew.sh/Formula-Cookbook has the places.
  { bin: "bin", bash_completion: "etc/bash_completion.d", zsh_completion: "share/zsh/site-functions",
    fish_completion: "share/fish/vendor_completions.d", man1: "share/man/man1", doc: "share/doc/vault-aws" }.each do |name, place|
    define_method(name) { Pathname(PREFIX).join(place) }
  end
end

require File.expand_path(FORMULA)
name = File.basename(FORMULA, ".rb").split("-").map(&:capitalize).join
formula = Object.const_get(name).new
formula.install
puts Formula::DECLARED.merge(caveats: formula.caveats).to_json
