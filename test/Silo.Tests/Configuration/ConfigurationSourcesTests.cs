using GrainDb.Silo.CommandLine;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;
using Xunit;

namespace GrainDb.Silo.Tests.Configuration;

public sealed class ConfigurationSourcesTests
{
    private static Invocation.Serve With(string file) => new(new Dictionary<string, string>(), file);

    [Fact]
    public void A_file_is_read()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory["c.json"], """{"GrainDb":{"Nodes":2,"Http":"http://127.0.0.1:9999"}}""");
        var serve = With(directory["c.json"]);
        var options = Assert.IsType<EmbeddedOptions>(ServerOptionsReader.Read(ConfigurationSources.Load(serve), serve.Settings));
        Assert.Equal(2, options.Nodes);
        Assert.Equal(9999, options.Http.Port);
    }

    [Fact]
    public void A_missing_file_is_refused() =>
        Assert.Equal("--config /nowhere.json: no such file", Assert.Throws<StartRefusedException>(() => ConfigurationSources.Load(With("/nowhere.json"))).Message);

    [Fact]
    public void A_file_that_is_not_JSON_is_refused_in_one_line()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory["c.json"], "{\n\"GrainDb\": [");
        var message = Assert.Throws<StartRefusedException>(() => ConfigurationSources.Load(With(directory["c.json"]))).Message;
        Assert.StartsWith($"--config {directory["c.json"]}: cannot be read: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
