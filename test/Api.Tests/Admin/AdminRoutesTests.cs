using System.Net;
using GrainDb.Api.Tests.Serving;

namespace GrainDb.Api.Tests.Admin;

public sealed class AdminRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync(new ApiOptions
    {
        EffectiveConfiguration = new Dictionary<string, string>
        {
            ["GrainDb:Node"] = "node1",
            ["GrainDb:Security:ApiKey"] = "abc",
            ["GrainDb:Membership"] = "postgres:Host=db;Password=abc",
        },
    });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Garbage_is_collected_on_demand()
    {
        Assert.Equal(HttpStatusCode.Accepted, (await _server.SendAsync(HttpMethod.Post, "/v1/admin/gc")).StatusCode);
        Assert.Equal(1, _server.Cluster.Collections);
    }

    [Fact]
    public async Task Checkpoints_of_all_say_which_failed()
    {
        var response = await _server.SendAsync(HttpMethod.Post, "/v1/admin/checkpoint");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var result = await ApiServer.ReadJsonAsync(response);
        Assert.Equal("""{"checkpointed":2,"idle":1,"failed":[{"range":17,"code":"corruption","detail":"segment-1 is damaged at offset 7."}]}""", result.GetRawText());
    }

    [Fact]
    public async Task Settings_show_no_secret()
    {
        var settings = (await _server.GetJsonAsync("/v1/admin/config")).GetProperty("settings");
        Assert.Equal("node1", settings.GetProperty("GrainDb:Node").GetString());
        Assert.DoesNotContain("abc", settings.GetRawText(), StringComparison.Ordinal);
    }
}
