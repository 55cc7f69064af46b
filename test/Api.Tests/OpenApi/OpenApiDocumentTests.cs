using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using GrainDb.Api.Errors;
using GrainDb.Api.Tests.Serving;
using GrainDb.Silo.Health;
using GrainDb.Silo.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Api.Tests.OpenApi;

/// <summary>
/// The committed <c>docs/openapi.json</c> is what the code generates. After a change of the API, write it anew with
/// <c>GRAINDB_WRITE_OPENAPI=1 dotnet test --project test/Api.Tests</c> and review the difference.
/// </summary>
public sealed class OpenApiDocumentTests : IAsyncLifetime
{
    private const string WriteVariable = "GRAINDB_WRITE_OPENAPI";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync(
        // The routes of the host that belong to the contract; they are described here and not called.
        add: builder => builder.Services.AddSingleton<NodeReadiness>(_ => throw new NotSupportedException()),
        map: app => app.MapHealth());

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_committed_document_is_the_generated_one()
    {
        var generated = JsonNode.Parse(await GenerateAsync())!.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
        var path = Path.Combine(RepositoryRoot(), "docs", "openapi.json");
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, generated, TestContext.Current.CancellationToken);
        }

        Assert.True(File.Exists(path), $"docs/openapi.json is missing; write it with {WriteVariable}=1.");
        var committed = (await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
        if (generated != committed)
            Assert.Fail($"docs/openapi.json is not what the code generates, first at: {FirstDifference(committed, generated)}. Write it anew with {WriteVariable}=1.");
    }

    [Fact]
    public async Task Every_route_is_in_the_document_with_summary_parameters_and_errors()
    {
        using var document = JsonDocument.Parse(await GenerateAsync());
        var paths = document.RootElement.GetProperty("paths");
        var routes = _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>() is not null && !endpoint.RoutePattern.RawText!.StartsWith("/openapi", StringComparison.Ordinal))
            .ToList();
        Assert.True(routes.Count >= 25, $"only {routes.Count} routes");
        foreach (var route in routes)
        {
            var path = route.RoutePattern.RawText!.Replace("**", "", StringComparison.Ordinal).TrimEnd('/');
            foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            {
                var what = $"{method} {path}";
                Assert.True(paths.TryGetProperty(path, out var item) && item.TryGetProperty(method.ToLowerInvariant(), out _), $"{what} is missing");
                var operation = item.GetProperty(method.ToLowerInvariant());
                Assert.False(string.IsNullOrWhiteSpace(operation.GetProperty("summary").GetString()), $"{what} has no summary");
                Assert.False(string.IsNullOrWhiteSpace(operation.GetProperty("operationId").GetString()), $"{what} has no name");
                var parameters = operation.TryGetProperty("parameters", out var list) ? list.EnumerateArray().ToList() : [];
                var named = parameters.Where(parameter => parameter.GetProperty("in").GetString() == "path").Select(parameter => parameter.GetProperty("name").GetString());
                Assert.Equal(route.RoutePattern.Parameters.Select(parameter => parameter.Name).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
                Assert.All(parameters, parameter => Assert.False(string.IsNullOrWhiteSpace(parameter.GetProperty("description").GetString()), what));
                var responses = operation.GetProperty("responses").EnumerateObject().ToList();
                Assert.Contains(responses, response => response.Name[0] is '2');
                if (!path.StartsWith("/health/", StringComparison.Ordinal))
                {
                    Assert.Contains(responses, response => response.Name == "400");
                    Assert.Contains(responses, response => response.Name == "500");
                }

                foreach (var response in responses.Where(response => response.Name[0] is '4' or '5'))
                {
                    var content = response.Value.GetProperty("content").GetProperty("application/problem+json");
                    Assert.Equal("#/components/schemas/Problem", content.GetProperty("schema").GetProperty("$ref").GetString());
                }
            }
        }
    }

    [Fact]
    public async Task Every_reference_resolves()
    {
        using var document = JsonDocument.Parse(await GenerateAsync());
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas").EnumerateObject().Select(schema => $"#/components/schemas/{schema.Name}").ToHashSet();
        Assert.Subset(schemas, ReferencesIn(document.RootElement).ToHashSet());
    }

    [Fact]
    public async Task Every_code_that_a_caller_can_see_is_named()
    {
        var document = await GenerateAsync();
        foreach (var code in Enum.GetValues<ErrorCode>())
        {
            // Said where no route matched, and so of no route; and what never leaves the cluster.
            if (code is ErrorCode.MethodNotAllowed or ErrorCode.RangeMoved)
                continue;
            Assert.Contains($"{ErrorTable.Of(code).Name}: ", document, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string> ReferencesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => member.Name == "$ref" ? [member.Value.GetString()!] : ReferencesIn(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(ReferencesIn),
        _ => [],
    };

    private static string FirstDifference(string committed, string generated)
    {
        var left = committed.Split('\n');
        var right = generated.Split('\n');
        var line = Enumerable.Range(0, Math.Max(left.Length, right.Length)).First(i => i >= left.Length || i >= right.Length || left[i] != right[i]);
        return new StringBuilder().Append("line ").Append(line + 1).Append(": '").Append(line < left.Length ? left[line].Trim() : "(end)")
            .Append("' should be '").Append(line < right.Length ? right[line].Trim() : "(end)").Append('\'').ToString();
    }

    private static string RepositoryRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "GrainDb.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("GrainDb.sln is in no directory above the tests.");
        return directory;
    }

    private async Task<string> GenerateAsync()
    {
        var response = await _server.SendAsync(HttpMethod.Get, "/openapi/v1.json");
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return text;
    }
}
