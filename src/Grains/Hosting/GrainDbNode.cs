using System.Buffers.Binary;
using System.Security.Cryptography;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Changes;
using GrainDb.Grains.Eventual;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Nodes;
using GrainDb.Grains.Orders;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Grains.Replicas;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Http;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Grains.Transactions;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;

namespace GrainDb.Grains.Hosting;

/// <summary>Adds a GrainDb node to a silo.</summary>
public static class GrainDbNode
{
    /// <summary>Services of sagas that every node has; a configured one must have another name.</summary>
    public static IReadOnlyList<string> BuiltInServices { get; } = [InventoryService.ServiceName, PaymentService.ServiceName, ShippingService.ServiceName];

    /// <summary>
    /// Registers the node's storage, grains and placement, and <see cref="IKeyValueStore"/>, <see cref="ITransactionStore"/>, <see cref="ISagaStore"/>, <see cref="IEventualStore"/>, <see cref="IChangeFeed"/>, <see cref="IKeyspaceCatalog"/> and
    /// <see cref="IClusterView"/>. The silo's name is the node's name. Clustering and endpoints are the host's.
    /// </summary>
    public static ISiloBuilder AddGrainDbNode(this ISiloBuilder silo, NodeOptions node, StorageOptions storage)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(storage);
        silo.Configure<SiloOptions>(options => options.SiloName = node.Name);
        silo.AddPlacementDirector<RingPlacementStrategy, RingPlacementDirector>();
        silo.AddGrainDirectory(PinnedGrainDirectory.Name, static (services, _) => new PinnedGrainDirectory(services.GetRequiredService<LiveNodes>()));
        var services = silo.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IWalFileSystem>(provider => new MeteredFileSystem(new NativeFileSystem(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(node);
        services.AddSingleton(storage);
        services.AddSingleton(provider => new HybridLogicalClock(provider.GetRequiredService<TimeProvider>(), HybridLogicalClock.DefaultMaxOffset));
        services.AddSingleton<LiveNodes>();
        services.AddSingleton<LocalRanges>();
        services.AddSingleton<MetaCache>();
        services.AddSingleton<MetaFormation>();
        services.AddSingleton<LeaderRoutes>();
        services.AddSingleton<Candidacy>();
        services.AddSingleton<LeaderHandover>();
        services.AddSingleton<RangeCalls>();
        services.AddSingleton<ReadRouting>();
        services.AddSingleton<GarbageCollection>();
        services.AddSingleton<KeyspaceCatalog>();
        services.AddSingleton<IKeyspaceCatalog>(provider => provider.GetRequiredService<KeyspaceCatalog>());
        services.AddSingleton<IKeyspaceDirectory, KeyspaceDirectory>();
        services.AddSingleton<IEventualStates, EventualStates>();
        services.AddSingleton<IKeyValueStore, KeyValueStore>();
        services.AddSingleton<ChangeFeed>();
        services.AddSingleton<IChangeFeed>(provider => provider.GetRequiredService<ChangeFeed>());
        services.AddSingleton<IClusterView, ClusterView>();
        AddTransactions(services, node);
        AddEventual(services);
        AddSagas(services);
        AddServices(services, node.SagaHttp);
        services.AddSingleton<ReplicaTransport>();
        services.AddSingleton<StateLoading>();
        services.AddSingleton<AcceptorCalls>();
        services.TryAddSingleton(ReplicationOptions.Default);
        AddLifecycleParticipant<NodeStorage>(services);
        AddLifecycleParticipant<ReplicaHost>(services);
        AddLifecycleParticipant<LeaderTicks>(services);
        AddLifecycleParticipant<ReplicaCare>(services);
        AddLifecycleParticipant<LeaderDrain>(services);
        AddLifecycleParticipant<NodeInstruments>(services);
        AddLifecycleParticipant<RangeMaintenance>(services);
        AddLifecycleParticipant<DueCheckpoints>(services);
        AddLifecycleParticipant<DatabaseMembership>(services);
        return silo;
    }

    private static void AddEventual(IServiceCollection services)
    {
        services.TryAddSingleton(EventualOptions.Default);
        services.AddSingleton<EventualPartitions>();
        services.AddSingleton<EventualAnswers>();
        services.AddSingleton<EventualTransport>();
        services.AddSingleton<EventualCoordinator>();
        services.AddSingleton<EventualReplacement>();
        services.AddSingleton<ConflictSearch>();
        services.AddSingleton<IEventualStore, EventualStore>();
        AddLifecycleParticipant<EventualHost>(services);
        AddLifecycleParticipant<NodeHints>(services);
        AddLifecycleParticipant<HintDelivery>(services);
        AddLifecycleParticipant<EventualInstruments>(services);
        AddLifecycleParticipant<EventualCare>(services);
    }

    private static void AddTransactions(IServiceCollection services, NodeOptions node)
    {
        services.AddSingleton<TransactionRanges>();
        services.TryAddSingleton<ITransactionRanges>(provider => provider.GetRequiredService<TransactionRanges>());
        AddLifecycleParticipant<NodeResolutions>(services);
        services.TryAddSingleton<IResolutions>(provider => provider.GetRequiredService<NodeResolutions>());
        services.AddSingleton(provider => new CoordinatorContext
        {
            Ranges = provider.GetRequiredService<ITransactionRanges>(),
            Resolutions = provider.GetRequiredService<IResolutions>(),
            Clock = provider.GetRequiredService<HybridLogicalClock>(),
            Time = provider.GetRequiredService<TimeProvider>(),
            Node = node.Name,
            MaxValueBytes = node.MaxValueBytes,
            IsLedHere = range => provider.GetRequiredService<LocalRanges>().Find(range) is not null,
            Random = static () => BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong))),
        });
        services.AddSingleton<OpenTransactions>();
        services.AddSingleton<OneRequestRuns>();
        services.AddSingleton<SystemTransactions>();
        services.AddSingleton<TransactionSearch>();
        services.AddSingleton<ITransactionStore, TransactionStore>();
        AddLifecycleParticipant<TransactionRecoveries>(services);
        services.AddSingleton<RecoveryReports>();
        services.AddSingleton<ITransactionRecovery>(provider => provider.GetRequiredService<RecoveryReports>());
    }

    private static void AddServices(IServiceCollection services, SagaHttpOptions http)
    {
        services.AddSingleton<Participant>();
        services.AddSingleton<ISagaService, InventoryService>();
        services.AddSingleton<ISagaService, PaymentService>();
        services.AddSingleton<ISagaService, ShippingService>();
        services.AddSingleton(ProcessOrder.Definition);
        services.AddSingleton<IOrderStore, OrderStore>();
        if (http.Services.Count == 0)
            return;
        services.AddSingleton<HttpCallRecords>();
        services.AddSingleton<HttpCaller>();
        foreach (var service in http.Services)
        {
            services.AddSingleton<ISagaService>(provider => new HttpSagaService(
                service, http.AllowedTargets, provider.GetRequiredService<HttpCaller>().Invoker, provider.GetRequiredService<HttpCallRecords>(), provider.GetRequiredService<TimeProvider>()));
        }
    }

    private static void AddSagas(IServiceCollection services)
    {
        services.AddSingleton<SagaRows>();
        services.AddSingleton<SagaServiceRegistry>();
        services.AddSingleton<SagaDefinitions>();
        services.AddSingleton<SagaLog>();
        services.AddSingleton<SagaCalls>();
        services.AddSingleton<SagaList>();
        services.AddSingleton<ISagaStore, SagaStore>();
        AddLifecycleParticipant<SagaSupervisor>(services);
        AddLifecycleParticipant<SagaSweep>(services);
        AddLifecycleParticipant<BuiltInSagas>(services);
    }

    private static void AddLifecycleParticipant<T>(IServiceCollection services)
        where T : class, ILifecycleParticipant<ISiloLifecycle>
    {
        services.AddSingleton<T>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredService<T>());
    }
}
