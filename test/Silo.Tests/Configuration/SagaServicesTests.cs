using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace GrainDb.Silo.Tests.Configuration;

/// <summary>Which services sagas may call over HTTP: nothing unless an operator says so twice, as a service and as a target.</summary>
public sealed class SagaServicesTests
{
    private static readonly (string Key, string? Value)[] Warehouse =
        [("SagaTargets:0", "https://warehouse.example"), ("SagaServices:warehouse:Url", "https://Warehouse.example/calls"), ("SagaServices:warehouse:Actions:pick", "return"), ("SagaServices:warehouse:Actions:count", "")];

    private static ServerOptions Read(params (string Key, string? Value)[] configuration) => ServerOptionsReader.Read(
        new ConfigurationBuilder().AddInMemoryCollection(configuration.Select(pair => KeyValuePair.Create($"GrainDb:{pair.Key}", pair.Value))).Build(), new Dictionary<string, string>());

    [Fact]
    public void By_default_there_are_none()
    {
        Assert.Empty(Read().SagaHttp.Services);
        Assert.Empty(Read().SagaHttp.AllowedTargets);
    }

    [Fact]
    public void A_service_has_its_url_and_its_actions()
    {
        var options = Read(Warehouse).SagaHttp;
        var service = Assert.Single(options.Services);
        Assert.Equal(("warehouse", new Uri("https://warehouse.example/calls")), (service.Name, service.Url));
        Assert.Equal("return", service.Actions["pick"]);
        Assert.Null(service.Actions["count"]);
        Assert.Equal(["https://warehouse.example:443"], options.AllowedTargets);
    }

    [Theory]
    [InlineData("SagaTargets:0", "https://elsewhere.example", "https://warehouse.example:443 is not among GrainDb:SagaTargets")]
    [InlineData("SagaTargets:0", "http://warehouse.example:443", "https://warehouse.example:443 is not among GrainDb:SagaTargets")]
    [InlineData("SagaTargets:0", "https://warehouse.example/path", "must be http://HOST:PORT or https://HOST:PORT")]
    [InlineData("SagaServices:warehouse:Url", "ftp://warehouse.example", "the URL must be http:// or https://")]
    [InlineData("SagaServices:warehouse:Url", "/calls", "the URL must be http:// or https://")]
    [InlineData("SagaServices:warehouse:Actions:pi ck", "return", "action 'pi ck'")]
    [InlineData("SagaServices:warehouse:Token", "secret", "unknown setting, must be Url or Actions")]
    [InlineData("SagaServices:inventory:Url", "https://warehouse.example", "this is a service of GrainDb itself")]
    [InlineData("SagaServices:empty:Url", "https://warehouse.example", "a service has 1 to 100 actions")]
    public void What_is_wrong_is_refused_in_one_line(string key, string value, string why)
    {
        var refused = Assert.Throws<StartRefusedException>(() => Read([.. Warehouse.Where(pair => pair.Key != key), (key, value)]));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }
}
