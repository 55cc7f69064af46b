using GrainDb.Silo.CommandLine;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;
using Xunit;

namespace GrainDb.Silo.Tests.CommandLine;

public sealed class CommandLineParserTests
{
    [Fact]
    public void Nothing_serves_with_defaults()
    {
        var serve = Assert.IsType<Invocation.Serve>(CommandLineParser.Parse([]));
        Assert.Empty(serve.Settings);
        Assert.Null(serve.ConfigFile);
    }

    [Fact]
    public void Options_take_the_next_argument_or_what_follows_an_equals_sign()
    {
        var serve = Assert.IsType<Invocation.Serve>(CommandLineParser.Parse(
            ["--node", "node1", "--membership=postgres:Host=db;Password=a=b", "--weight", "-1", "--config", "x.json"]));
        Assert.Equal("node1", serve.Settings["Node"]);
        Assert.Equal("postgres:Host=db;Password=a=b", serve.Settings["Membership"]);
        Assert.Equal("-1", serve.Settings["Weight"]); // form only: the value is checked with the others
        Assert.Equal("x.json", serve.ConfigFile);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("--node", "x", "--help")]
    [InlineData("wal", "--help")]
    public void Help_is_shown_wherever_it_is_asked_for(params string[] args) => Assert.IsType<Invocation.ShowHelp>(CommandLineParser.Parse(args));

    [Fact]
    public void Version_is_shown()
    {
        Assert.IsType<Invocation.ShowVersion>(CommandLineParser.Parse(["--version"]));
        Assert.Matches(@"^graindb \d+\.\d+\.\d+$", Usage.Version);
    }

    [Fact]
    public void Every_option_stands_in_the_help()
    {
        foreach (var setting in Setting.All.Where(setting => setting.Option is not null))
            Assert.Contains($"{setting.Option} ", Usage.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Wal_tools_take_a_directory()
    {
        using var directory = new TemporaryDirectory();
        Assert.Equal(new Invocation.InspectWal(directory.Path), CommandLineParser.Parse(["wal", "inspect", directory.Path]));
        Assert.Equal(new Invocation.VerifyWal(directory.Path), CommandLineParser.Parse(["wal", "verify", directory.Path]));
    }

    public static TheoryData<string[], string> Mistakes => new()
    {
        { ["--nods", "3"], "--nods: unknown option, --help shows the command line" },
        { ["--NODES", "3"], "--NODES: unknown option, --help shows the command line" },
        { ["node1"], "'node1': unexpected argument, --help shows the command line" },
        { ["-n", "3"], "'-n': unexpected argument, --help shows the command line" },
        { ["--nodes", "3", "4"], "'4': unexpected argument, --help shows the command line" },
        { ["--nodes"], "--nodes: needs a value" },
        { ["--data", "--nodes", "3"], "--data: needs a value" },
        { ["--nodes", "3", "--nodes", "4"], "--nodes: given twice" },
        { ["--config", "a", "--config=b"], "--config: given twice" },
        { ["--version", "1"], "--version: unknown option, --help shows the command line" },
        { ["wal"], "wal: needs a command, inspect or verify, and a directory" },
        { ["wal", "mend", "x"], "wal mend: unknown command, must be inspect or verify" },
        { ["wal", "verify"], "wal verify: needs a directory" },
        { ["wal", "verify", ""], "wal verify: needs a directory" },
        { ["wal", "verify", "/nowhere/at/all"], "wal verify /nowhere/at/all: no such directory" },
        { ["wal", "inspect", "/", "more"], "wal inspect: unexpected argument 'more' after the directory" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_refused_in_one_line(string[] args, string message) =>
        Assert.Equal(message, Assert.Throws<StartRefusedException>(() => CommandLineParser.Parse(args)).Message);
}
