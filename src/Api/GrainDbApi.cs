using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using GrainDb.Api.Admin;
using GrainDb.Api.Changes;
using GrainDb.Api.Conflicts;
using GrainDb.Api.Crdts;
using GrainDb.Api.Errors;
using GrainDb.Api.Eventual;
using GrainDb.Api.Keys;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Orders;
using GrainDb.Api.Ranges;
using GrainDb.Api.Requests;
using GrainDb.Api.Ring;
using GrainDb.Api.Sagas;
using GrainDb.Api.Telemetry;
using GrainDb.Api.Transactions;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace GrainDb.Api;

/// <summary>
/// The HTTP API of a cluster over <see cref="IKeyValueStore"/>, <see cref="IEventualStore"/>, <see cref="ITransactionStore"/>, <see cref="ISagaStore"/>, <see cref="IChangeFeed"/>, <see cref="IKeyspaceCatalog"/> and
/// <see cref="IClusterView"/>.
/// </summary>
public static class GrainDbApi
{
    /// <summary>Name of the OpenAPI document, served at <c>/openapi/v1.json</c>.</summary>
    public const string DocumentName = "v1";

    /// <summary>
    /// Registers the API and its limits on Kestrel. The host registers <see cref="IKeyValueStore"/>, <see cref="IEventualStore"/>, <see cref="IEventualStates"/>, <see cref="ITransactionStore"/>, <see cref="ISagaStore"/>,
    /// <see cref="IChangeFeed"/>, <see cref="IKeyspaceCatalog"/>, <see cref="IKeyspaceDirectory"/> and <see cref="IClusterView"/> as singletons in the same container.
    /// </summary>
    public static IServiceCollection AddGrainDbApi(this IServiceCollection services, ApiOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton(options);
        services.AddSingleton<ApiInstruments>();
        services.AddSingleton<Operations>();
        services.AddSingleton<KeysApi>();
        services.AddSingleton<EventualKeysApi>();
        services.AddSingleton<CrdtApi>();
        services.AddSingleton<ConflictsApi>();
        services.AddSingleton<ScanApi>();
        services.AddSingleton<HistoryApi>();
        services.AddSingleton<BatchApi>();
        services.AddSingleton<WatchApi>();
        services.AddSingleton<TransactionsApi>();
        services.AddSingleton<TransactionKeysApi>();
        services.AddSingleton<TransactApi>();
        services.AddSingleton<SagasApi>();
        services.AddSingleton<SagaActionsApi>();
        services.AddSingleton<SagaDefinitionsApi>();
        services.AddSingleton<SagaEventsApi>();
        services.AddSingleton<OrdersApi>();
        services.AddSingleton<StockApi>();
        services.AddSingleton<KeyspacesApi>();
        services.AddSingleton<RingApi>();
        services.AddSingleton<RangesApi>();
        services.AddSingleton<AdminApi>();
        // Before all other configuration of Kestrel: an endpoint takes the defaults that hold when it is declared.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<KestrelServerOptions>>(new ConfigureOptions<KestrelServerOptions>(kestrel =>
        {
            RequestLimits.Apply(kestrel, options);
            RejectionDocuments.Apply(kestrel);
        })));
        services.ConfigureHttpJsonOptions(json =>
        {
            // A number in a string is no number: without this every integer of the OpenAPI document would also be a string.
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            // These options are the host's too, so converters are added for our own types alone.
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter<NodeState>(JsonNamingPolicy.CamelCase));
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter<ReplicaRole>(JsonNamingPolicy.CamelCase));
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter<ReplicaState>(JsonNamingPolicy.CamelCase));
        });
        services.AddOpenApi(DocumentName, openApi =>
        {
            openApi.AddDocumentTransformer<DocumentTransformer>();
            openApi.AddOperationTransformer<RouteDocsTransformer>();
        });
        return services;
    }

    /// <summary>
    /// Maps every route, and puts in front of routing what the API needs there: problem documents for everything that goes
    /// wrong behind it, and keys that are taken from the raw target. To be called before other middleware is added.
    /// </summary>
    public static WebApplication MapGrainDbApi(this WebApplication app)
    {
        RejectionDocuments.Subscribe(
            app.Services.GetRequiredService<DiagnosticListener>(),
            app.Services.GetRequiredService<ILogger<RejectionDocuments>>());
        app.UseMiddleware<SocketThreadMiddleware>();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseMiddleware<KeyPathMiddleware>();
        app.UseRouting();

        var services = app.Services;
        app.MapKeys(
            services.GetRequiredService<Operations>(),
            services.GetRequiredService<KeysApi>(),
            services.GetRequiredService<ScanApi>(),
            services.GetRequiredService<HistoryApi>(),
            services.GetRequiredService<BatchApi>());
        app.MapCrdts(services.GetRequiredService<Operations>(), services.GetRequiredService<CrdtApi>());
        app.MapConflicts(services.GetRequiredService<Operations>(), services.GetRequiredService<ConflictsApi>());
        app.MapWatch(services.GetRequiredService<WatchApi>());
        app.MapTransactions(
            services.GetRequiredService<Operations>(),
            services.GetRequiredService<TransactionsApi>(),
            services.GetRequiredService<TransactionKeysApi>(),
            services.GetRequiredService<TransactApi>());
        app.MapSagas(
            services.GetRequiredService<Operations>(),
            services.GetRequiredService<SagasApi>(),
            services.GetRequiredService<SagaActionsApi>(),
            services.GetRequiredService<SagaDefinitionsApi>(),
            services.GetRequiredService<SagaEventsApi>());
        app.MapOrders(services.GetRequiredService<Operations>(), services.GetRequiredService<OrdersApi>(), services.GetRequiredService<StockApi>());
        app.MapKeyspaces(services.GetRequiredService<KeyspacesApi>());
        app.MapRing(services.GetRequiredService<RingApi>());
        app.MapRanges(services.GetRequiredService<RangesApi>());
        app.MapAdmin(services.GetRequiredService<AdminApi>());
        app.MapProblems();
        app.MapOpenApi("/openapi/{documentName}.json");
        return app;
    }
}
